#!/bin/sh
# Process 1 of a machine of its own for the length of a test: this one's systemd and network, and its disk as it is, but
# for what stands in folders of the test's. To be started in namespaces of mounts, processes and groups.
#   boot-systemd.sh CHECKOUT SETTINGS LOG
set -eu
checkout=$1 settings=$2 log=$3
mount --make-rprivate /
mkdir -p "$settings/run"
mount -t tmpfs tmpfs "$settings/run"
for each in etc var/lib; do
  layer=$settings/run/$each
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=/$each,upperdir=$layer/upper,workdir=$layer/work" overlay "/$each"
done
mkdir -m 755 /etc/paniq-documents
install -m 600 "$settings"/*.env /etc/paniq-documents/

mount -t tmpfs tmpfs /opt
mkdir /opt/paniq-documents
mount --bind "$checkout" /opt/paniq-documents

# Nothing is started here but the units under test; what they come after is there at once.
units=$settings/run/units
cp -r "$checkout/deploy/systemd/system" "$units"
for target in sysinit basic shutdown network-online multi-user; do
  printf '[Unit]\nDefaultDependencies=no\n' > "$units/$target.target"
done
printf '[Service]\nStandardOutput=append:%s\nStandardError=append:%s\n' "$log" "$log" > "$units/paniq-documents-.service.d/zz-log.conf"
# By this others than systemctl speak to it.
cp /usr/lib/systemd/system/dbus.service /usr/lib/systemd/system/dbus.socket "$units"
echo 'Wants=dbus.service' >> "$units/multi-user.target"
systemd-sysusers "$checkout/deploy/systemd/sysusers.d/paniq-documents.conf"

# Last, since the checkout and the settings may lie below it.
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin container=other SYSTEMD_UNIT_PATH="$units" \
  /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
