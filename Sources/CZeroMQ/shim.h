// libzmq's interface, and what a socket loop needs of the system that Swift's Glibc module does not carry.
#include <zmq.h>

#if defined(__linux__)
#include <pthread.h>
#include <sys/eventfd.h>
// Declared by pthread.h only under _GNU_SOURCE, which a module map cannot set for a header of another module.
int pthread_setname_np(pthread_t thread, const char *name);
#endif
