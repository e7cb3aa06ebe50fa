# Reads lines with the process ids of all running servers until the pipe closes, because the owner
# has died or finished. Then kills the servers in the last line, and removes the folder $1.
trap '' HUP INT QUIT TERM
pids=
while read -r line; do
    pids=$line
done
for pid in $pids; do
    kill -9 "$pid"
done
# A dying server may still write a file while its folder is being removed.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1" && exit
    sleep 0.1
done
