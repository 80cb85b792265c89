/* program.c, between the host, which sees the engine through xsmc.h, and the engine. */
#ifndef VERTEBRA_PROGRAM_H
#define VERTEBRA_PROGRAM_H

#include <stdbool.h>

/* Of the machine that compiles. */
#define COMPILING_RAM (64 * 1024 * 1024)

/* Whether a source lies in the flash of the board. */
bool isToCompile(void);
/* Compiles it, and sends the program on the console. */
void compileProgram(void* machine);
/* Gives the names of the program that lies in flash the numbers that it was compiled with: first of all, since numbers go in order. */
void knowProgram(void* machine);
/* Whether the program names what the engine has under this number. */
bool isNamed(int id);
/* strip.c. Takes from the intrinsics what the program does not name. */
void stripIntrinsics(void* machine);
void runProgramInPlace(void* machine);

#endif
