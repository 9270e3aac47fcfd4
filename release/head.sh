#!/bin/sh
# hantu for Linux hosts without Python 3.11: this script, and behind it a gzipped tar archive.
# The first call unpacks it to /var/cache/hantu-files (root) or ~/.cache/hantu-files; later ones use that.
# HANTU_UNPACK_TO names another folder. Only its owner may write there, for what lies there is run.
set -eu

if [ -n "${HANTU_UNPACK_TO:-}" ]; then
  cache=$HANTU_UNPACK_TO
elif [ "$(id -u)" = 0 ]; then
  cache=/var/cache/hantu-files
elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/hantu-files
else
  echo "hantu: HOME is not set; name a folder to unpack to: HANTU_UNPACK_TO=FOLDER $0" >&2
  exit 1
fi
folder=$cache/@NAME@

if [ ! -x "$folder/hantu" ]; then
  before=$(umask)
  umask 077
  mkdir -p "$cache"
  new=$(mktemp -d "$cache/.new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  if ! tail -c +@HEAD_BYTES@ "$0" | gzip -dc | tar -x -o -p -f - -C "$new"; then
    echo "hantu: $0 cannot be unpacked to $cache; is there room, is the download whole?" >&2
    exit 1
  fi
  # Whoever was quicker has put the same there.
  mv -T "$new" "$folder" 2>/dev/null || [ -x "$folder/hantu" ]
  rm -rf "$new"
  trap - EXIT HUP INT TERM
  umask "$before"
fi
exec "$folder/hantu" "$@"
