#!/bin/sh
# Process 1 of the guest. The kernel's command line hands over GUEST_SHARE, a directory of the host: the shell command to
# run is in its file `command`; what that prints goes to `output`, its exit code to `exit`.
# The guest's root is the host's, read-only; the share is the one place that both can write to.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm 2>/dev/null
mkdir -p /run/share /dev/pts && mount -t hostfs -o "$GUEST_SHARE" none /run/share
mount -t devpts -o ptmxmode=0666 devpts /dev/pts 2>/dev/null
mount -t tmpfs -o mode=1777 tmpfs /tmp
# A checkout below /tmp stays in sight.
case $GUEST_REPOSITORY in
  /tmp/*) mkdir -p "$GUEST_REPOSITORY" && mount -t hostfs -o "$GUEST_REPOSITORY" none "$GUEST_REPOSITORY" ;;
esac
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up 2>/dev/null || busybox ip link set lo up
unset GUEST_SHARE GUEST_REPOSITORY
sh /run/share/command >/run/share/output 2>&1 </dev/null
echo $? >/run/share/exit
sync
busybox poweroff -f
