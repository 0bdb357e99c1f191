#!/usr/bin/env bash
# Build a Debian package from a wheel: build.sh WHEEL FOLDER. It has the locked dependencies beside
# the exporter, for the Python of the Debian release that it is built on, and no maintainer's time in
# it: with one SOURCE_DATE_EPOCH two builds are the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wheel=$(realpath "$1")
folder=$(realpath "$2")

name=exchange-balance-exporter
python=/usr/bin/python3
pip=${PIP:-"$python -m pip"}
version=$(basename "$wheel" | cut -d- -f2 | sed 's/\.dev/~dev/')  # ~ sorts before the release
architecture=$(dpkg --print-architecture)
minor=$($python -c 'import sys; print(sys.version_info.minor)')
# The date of the release: that of its entry in the changelog, or the day on which nothing was.
release=$(sed -nE "s/^## \[$version\] - ([0-9-]+)$/\1/p" "$root/CHANGELOG.md")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date --utc --date="${release:-2020-01-01}" +%s)}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 0755 "$tree"
lib=$tree/usr/lib/$name
mkdir -p "$lib" "$tree/DEBIAN" "$tree/usr/bin" "$tree/usr/share/doc/$name"

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
$pip install --quiet --no-compile --target "$lib" \
    --require-hashes --only-binary :all: -r "$root/requirements/runtime.txt"
rm -rf "$lib/bin"
$pip install --quiet --no-compile --target "$lib" --no-deps --no-index "$wheel"
rm -rf "$lib/bin"
# The wheel's path on the building machine would make two builds differ.
find "$lib" -name direct_url.json -delete
sed -i '/direct_url\.json/d' "$lib"/*.dist-info/RECORD
$python -m compileall -q --invalidation-mode unchecked-hash -s "$tree" -p / "$lib"

install -m 0755 "$here/$name" "$tree/usr/bin/$name"
install -D -m 0644 "$root/packaging/systemd/$name.service" "$tree/usr/lib/systemd/system/$name.service"
install -D -m 0644 "$root/packaging/systemd/$name.socket" "$tree/usr/lib/systemd/system/$name.socket"
install -D -m 0644 "$root/packaging/systemd/$name.sysusers" "$tree/usr/lib/sysusers.d/$name.conf"
install -D -m 0644 "$root/packaging/systemd/$name.default" "$tree/etc/default/$name"
install -d -m 0755 "$tree/etc/$name"
install -d -m 0700 "$tree/etc/$name/keys"
install -m 0644 "$root/LICENSE" "$tree/usr/share/doc/$name/copyright"
gzip --best --no-name <"$root/CHANGELOG.md" >"$tree/usr/share/doc/$name/changelog.gz"

for script in postinst prerm postrm; do
    install -m 0755 "$here/$script" "$tree/DEBIAN/$script"
done
echo "/etc/default/$name" >"$tree/DEBIAN/conffiles"
cat >"$tree/DEBIAN/control" <<END
Package: $name
Version: $version
Section: net
Priority: optional
Architecture: $architecture
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))), ca-certificates, systemd
Suggests: prometheus, prometheus-alertmanager, grafana
Installed-Size: $(du -sk --apparent-size "$tree" | cut -f1)
Maintainer: exchange-balance-exporter maintainers <exchange-balance-exporter@users.noreply.github.com>
Homepage: https://github.com/exchange-balance-exporter/exchange-balance-exporter
Description: Prometheus exporter for balances at crypto exchanges
 It polls the accounts that you hold at exchanges and exposes their exact
 balances to Prometheus, with rules, alerts, runbooks and Grafana dashboards
 (exchange-balance-exporter assets DIR writes them).
END

(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$tree" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
mkdir -p "$folder"
dpkg-deb --root-owner-group -Zxz --build "$tree" "$folder/${name}_${version}_${architecture}.deb"
