// glibc 2.35 gave hypot and hypotf new versions, and Foundation calls them: linked on a newer system, the program would not start on an
// older one. These are the program's own, and go to the versions that all have.
#ifdef __aarch64__
#define FIRST_VERSION "GLIBC_2.17"
#else
#define FIRST_VERSION "GLIBC_2.2.5"
#endif
__asm__(".symver old_hypot, hypot@" FIRST_VERSION);
__asm__(".symver old_hypotf, hypotf@" FIRST_VERSION);
double old_hypot(double x, double y);
float old_hypotf(float x, float y);
double hypot(double x, double y) { return old_hypot(x, y); }
float hypotf(float x, float y) { return old_hypotf(x, y); }
