# Reads the process ids of the servers, a line for each change, until the pipe closes: its owner
# is gone, or done. Then kills what the last line names and removes the folder, $1.
trap '' HUP INT QUIT TERM
pids=
while read -r line; do
    pids=$line
done
for pid in $pids; do
    kill -9 "$pid"
done
# A server that is still dying may write a file while its folder is removed.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1" && exit
    sleep 0.1
done
