# shellcheck shell=bash
# Debian packages that a script needs. To be sourced; changes no shell option, sets no global.
# SPDX-License-Identifier: MIT

# packages_missing NAME...: those that are not installed, one a line.
packages_missing() {
    local name
    for name in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s\n' "$name"
    done
}

# packages_install LOG NAME...: install what is missing, as root or by a sudo that asks for no password. What
# apt-get says goes to the file LOG. Fails with one line on standard error.
packages_install() {
    local log=$1
    shift
    local missing as_root=()
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        if ! sudo -n true 2>/dev/null; then
            echo "missing packages; please run: sudo apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        echo "missing packages, and there is no apt-get to install them: ${missing[*]}" >&2
        return 1
    fi
    local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
    if ! { "${install[@]}" update && "${install[@]}" install --no-install-recommends "${missing[@]}"; } \
        >>"$log" 2>&1 </dev/null; then
        echo "apt-get could not install ${missing[*]}: $(grep -m1 '^E:' "$log" || tail -n1 "$log")" >&2
        return 1
    fi
}

# packages_install_servers LOG NAME...: as packages_install. Packages of servers start them when installed, unless
# policy-rc.d says no.
packages_install_servers() {
    local as_root=() policy=/usr/sbin/policy-rc.d made_policy='' result=0
    ((EUID == 0)) || as_root=(sudo -n)
    if [[ ! -e $policy ]]; then
        made_policy=1
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null || return 1
        "${as_root[@]}" chmod 755 "$policy"
    fi
    packages_install "$@" || result=1
    [[ -z $made_policy ]] || "${as_root[@]}" rm -f "$policy"
    return $result
}
