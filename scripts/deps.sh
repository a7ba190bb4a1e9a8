#!/bin/sh
# Installs what the tests need beyond Go, and says so. On Debian this takes
# root (or sudo); elsewhere it names what is missing and stops.
set -eu

missing=""
command -v gcc >/dev/null || missing="$missing gcc libc6-dev"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v caddy >/dev/null || missing="$missing caddy"
command -v chromium >/dev/null || missing="$missing chromium"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
command -v ip >/dev/null || missing="$missing iproute2"
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$missing prometheus"
[ -n "$(find /usr/share/fonts -name '*CJK*' -o -name 'wqy*' 2>/dev/null | head -1)" ] || missing="$missing fonts-wqy-microhei"

if [ -n "$missing" ]; then
	echo "deps: the tests need these Debian packages, installing:$missing"
	if ! command -v apt-get >/dev/null; then
		echo "deps: no apt-get here; install them yourself and run again" >&2
		exit 1
	fi
	sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	$sudo apt-get update -qq
	# The tests start servers of their own: none is to begin with the machine.
	case "$missing" in *postgresql*)
		$sudo mkdir -p /etc/postgresql-common/createcluster.d
		echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.d/zhanggui.conf >/dev/null
		;;
	esac
	# Debian's package would start one right away.
	case "$missing" in *prometheus*)
		$sudo ln -sf /dev/null /etc/systemd/system/prometheus.service
		;;
	esac
	# shellcheck disable=SC2086 # a list of names
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
