# Sourced: runs the long parts of a build with their output in build/logs, and shows its end where one fails.

mkdir -p build/logs
JOBS=${JOBS:-2}
# A clone in another folder finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# step NAME COMMAND...: one line when it is done; on failure the end of its log, and the command's status.
step() {
  local name=$1 log=build/logs/$1.log start=$SECONDS status=0
  shift
  if [ -t 1 ]; then printf '%-24s …\r' "$name"; fi
  "$@" >"$log" 2>&1 || status=$?
  if [ $status = 0 ]; then
    printf '%-24s ok      %4ds\n' "$name" $((SECONDS - start))
  else
    printf '%-24s FAILED  %4ds  (status %d: %s)\n' "$name" $((SECONDS - start)) $status "$*"
    echo "--- the end of $log:"
    tail -n 60 "$log"
  fi
  return $status
}

configure() { # PRESET
  cmake --preset "$1"
}

compile() { # PRESET [TARGET...]
  local preset=$1
  shift
  cmake --build "build/$preset" -j"$JOBS" ${1:+--target "$@"}
}

unit_tests() { # PRESET
  ctest --test-dir "build/$1" -j"$JOBS" --output-on-failure --no-tests=error
}
