/* How the process ends when it is not the program that says so. `native.ts` lists them for people. */
#ifndef VERTEBRA_EXITS_H
#define VERTEBRA_EXITS_H

enum {
	EXIT_USAGE = 64,
	EXIT_UNCAUGHT = 70,
	EXIT_MEMORY = 71,
	EXIT_STACK = 72,
	EXIT_KEYS = 73,
	EXIT_ENGINE = 74,
	EXIT_COMPUTATION = 75
};

#endif
