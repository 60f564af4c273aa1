#!/bin/sh
# Process 1 of a machine of its own for the length of a test: this one's systemd, network and disk, but that nothing is
# installed on it, and that what is written to its own folders is gone with it. To be started in namespaces of mounts,
# processes and groups.
#   boot-systemd.sh FOLDER LOG
set -eu
folder=$1 log=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
for each in etc var/lib; do
  layer=$folder/$each
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=/$each,upperdir=$layer/upper,workdir=$layer/work" overlay "/$each"
done
rm -rf /etc/systemd/system
mount -t tmpfs tmpfs /opt

# Nothing starts by itself but the bus, by which others than systemctl speak to systemd; what services come after is there.
units=$folder/units
mkdir -p /etc/systemd/system "$units/paniq-documents-.service.d"
for target in sysinit basic shutdown network-online multi-user; do
  printf '[Unit]\nDefaultDependencies=no\n' > "$units/$target.target"
done
cp /usr/lib/systemd/system/dbus.service /usr/lib/systemd/system/dbus.socket "$units"
echo 'Wants=dbus.service' >> "$units/multi-user.target"
printf '[Service]\nStandardOutput=append:%s\nStandardError=append:%s\n' "$log" "$log" > "$units/paniq-documents-.service.d/zz-log.conf"

# Last, since the folder may lie below it.
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin container=other SYSTEMD_UNIT_PATH="$units:/etc/systemd/system" \
  /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
