// Alt and a click on a value of a filter exclude it, as its − does.
"use strict";

(() => {
  document.addEventListener("click", (event) => {
    if (!event.altKey) return;
    const value = event.target.closest(".facet-value");
    const exclude = value && value.parentElement.querySelector(".facet-not");
    if (!exclude) return;
    event.preventDefault();
    location.assign(exclude.href);
  });
})();
