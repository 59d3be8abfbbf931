#!/usr/bin/env bash
# leftovers.sh ROOT: nothing is left for later in the code, and no file names a folder of the
# machine it was written on.
set -euo pipefail
cd "$1"
# shellcheck source=tests/style/sources.sh
. tests/style/sources.sh

failed=0
refuse() {
    if sources '*' | tr '\n' '\0' | xargs -0 grep -nIE -e "$2"; then
        echo "$1, above"
        failed=1
    fi
}
# The bracketed letters keep this file from finding itself.
refuse 'left for later' '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b'
refuse 'a folder of one machine' '(^|[^[:alnum:]_.~$}<])/(home|root|Users|work|scratch|mnt|media|srv)/[[:alnum:]_.-]'
exit $failed
