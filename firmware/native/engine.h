/* Between engine.c, which every host has, and the platform.c of each. */
#ifndef VERTEBRA_ENGINE_H
#define VERTEBRA_ENGINE_H

void stopOutOfMemory(void) __attribute__((noreturn));
/* From here on the machine ends after so many more bytes of memory; none but the platform's own limit where that is INFINITY. */
void limitMemory(double more);

#endif
