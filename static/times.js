// The zone of this browser among those to choose from.
"use strict";

(() => {
  const zones = document.querySelector("select[name=zone]");
  if (!zones) return;
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!own) return;
  const text = zones.dataset.sayOwn.replace("{zone}", own);
  const known = [...zones.options].find((option) => option.value === own);
  if (known) known.textContent = text;
  else zones.add(new Option(text, own));
})();
