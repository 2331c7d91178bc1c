// Logs what a program does to some files, so that every state in which a crash could leave them can be built again.
//
//   LD_PRELOAD=write_log.so WRITE_LOG=log WRITE_LOG_FOR=/folder/run.h5 program ...
//
// Files whose path begins with WRITE_LOG_FOR are followed. What the program prints to standard output is logged as
// marks, in order with the writes. Each record is six 64-bit numbers: kind, file, offset, length, and the lengths of
// one or two texts or of the bytes that follow it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPENED = 1, WRITTEN, CUT, SYNCED, RENAMED, REMOVED, MARK };
enum { MOST = 4096 };

static int log_file = -1;
static const char *prefix;
static int64_t followed[MOST];  // The file's number by descriptor, 0 for those that are not followed.
static int64_t positions[MOST];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("WRITE_LOG");
  prefix = getenv("WRITE_LOG_FOR");
  if (path && prefix) log_file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void record(int64_t kind, int64_t file, int64_t offset, int64_t length, const void *first, int64_t first_length,
                   const void *second, int64_t second_length) {
  if (log_file < 0) return;
  int64_t head[6] = {kind, file, offset, length, first_length, second_length};
  pthread_mutex_lock(&mutex);
  syscall(SYS_write, log_file, head, sizeof head);
  if (first_length) syscall(SYS_write, log_file, first, first_length);
  if (second_length) syscall(SYS_write, log_file, second, second_length);
  pthread_mutex_unlock(&mutex);
}

static int is_followed(const char *path) {
  // The lock beside a run file holds nothing that a crash could tear.
  return prefix && strncmp(path, prefix, strlen(prefix)) == 0 && !strstr(path, ".lock");
}

static int64_t number(int descriptor) { return descriptor >= 0 && descriptor < MOST ? followed[descriptor] : 0; }

static int opened(int descriptor, const char *path) {
  struct stat status;
  if (descriptor < 0 || descriptor >= MOST) return descriptor;
  followed[descriptor] = 0;
  if (is_followed(path) && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    followed[descriptor] = status.st_ino;
    positions[descriptor] = 0;
    record(OPENED, status.st_ino, 0, status.st_size, path, strlen(path), NULL, 0);
  }
  return descriptor;
}

#define OPEN(name)                                               \
  int name(const char *path, int flags, ...) {                   \
    va_list list;                                                \
    va_start(list, flags);                                       \
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;          \
    va_end(list);                                                \
    return opened(syscall(SYS_openat, AT_FDCWD, path, flags, mode), path); \
  }
OPEN(open)
OPEN(open64)

#define PWRITE(name)                                                                  \
  ssize_t name(int descriptor, const void *bytes, size_t count, off_t offset) {       \
    ssize_t done = syscall(SYS_pwrite64, descriptor, bytes, count, offset);           \
    if (done > 0 && number(descriptor))                                               \
      record(WRITTEN, number(descriptor), offset, done, bytes, done, NULL, 0);        \
    return done;                                                                      \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int descriptor, const void *bytes, size_t count) {
  ssize_t done = syscall(SYS_write, descriptor, bytes, count);
  if (done > 0 && descriptor == STDOUT_FILENO) {
    record(MARK, 0, 0, 0, bytes, done, NULL, 0);
  } else if (done > 0 && number(descriptor)) {
    record(WRITTEN, number(descriptor), positions[descriptor], done, bytes, done, NULL, 0);
    positions[descriptor] += done;
  }
  return done;
}

#define CUT_FUNCTION(name)                                                                    \
  int name(int descriptor, off_t length) {                                                    \
    int result = syscall(SYS_ftruncate, descriptor, length);                                  \
    if (result == 0 && number(descriptor)) record(CUT, number(descriptor), 0, length, NULL, 0, NULL, 0); \
    return result;                                                                            \
  }
CUT_FUNCTION(ftruncate)
CUT_FUNCTION(ftruncate64)

#define SYNC_FUNCTION(name, call)                                                             \
  int name(int descriptor) {                                                                  \
    int result = syscall(call, descriptor);                                                   \
    if (result == 0 && number(descriptor)) record(SYNCED, number(descriptor), 0, 0, NULL, 0, NULL, 0); \
    return result;                                                                            \
  }
SYNC_FUNCTION(fsync, SYS_fsync)
SYNC_FUNCTION(fdatasync, SYS_fdatasync)

int rename(const char *source, const char *target) {
  int result = syscall(SYS_renameat2, AT_FDCWD, source, AT_FDCWD, target, 0);
  if (result == 0 && is_followed(target))
    record(RENAMED, 0, 0, 0, source, strlen(source), target, strlen(target));
  return result;
}

int unlink(const char *path) {
  int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (result == 0 && is_followed(path)) record(REMOVED, 0, 0, 0, path, strlen(path), NULL, 0);
  return result;
}

int close(int descriptor) {
  if (descriptor >= 0 && descriptor < MOST) followed[descriptor] = 0;
  return syscall(SYS_close, descriptor);
}
