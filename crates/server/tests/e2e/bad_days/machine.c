/* A machine with a clock and a disk that a test can change while a program runs on it: loaded before the C library (LD_PRELOAD).
   The file in MACHINE_CLOCK has the seconds that the clock is ahead, the file in MACHINE_SYNC the milliseconds that a sync takes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *clock_file, *sync_file;

__attribute__((constructor)) static void start(void) {
    clock_file = getenv("MACHINE_CLOCK");
    sync_file = getenv("MACHINE_SYNC");
}

static long number_in(const char *file) {
    char text[32] = {0};
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    long length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, id, time);
    if (result == 0 && id == CLOCK_REALTIME) time->tv_sec += number_in(clock_file);
    return result;
}

static void wait_for_disk(void) {
    long ms = number_in(sync_file);
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0) nanosleep(&time, NULL);
}

int fdatasync(int fd) {
    wait_for_disk();
    return syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    wait_for_disk();
    return syscall(SYS_fsync, fd);
}
