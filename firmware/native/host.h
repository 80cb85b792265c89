/* What the files of the host share. One machine, one thread, one loop. */
#ifndef VERTEBRA_HOST_H
#define VERTEBRA_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "exits.h"
#include "xsmc.h"

/* main.c: the program of the host and its own, and its arguments */
extern char** commandLine;

/* engine.c */
/* XS: once, before the first machine. */
void fxInitializeSharedCluster(void);
void drainJobs(xsMachine* the);
void startMeter(xsMachine* the);
double readMeter(xsMachine* the);
/* From here on the machine ends after so many more bytecodes, or bytes of memory. */
void limitMachine(xsMachine* the, double computation, double memory);
/* No more: and what promises wait for is forgotten. */
void liftLimits(xsMachine* the);
/* Bytes of heap that are in use, once the garbage is collected. */
double liveHeap(xsMachine* the);
const char* engineVersion(void);

/* platform.c */
void runProgram(xsMachine* the, FILE* file, const char* path);

/* values.c: JavaScript values in and out of C */
typedef struct {
	const uint8_t* data;
	xsUnsignedValue length;
} Bytes;

/* The bytes of a Uint8Array argument. They move when the engine allocates: make the result first, then take these. */
Bytes bytesArgument(xsMachine* the, int index);
Bytes fixedBytesArgument(xsMachine* the, int index, xsUnsignedValue length);
double numberArgument(xsMachine* the, int index, double least, double most);
bool isText(xsMachine* the, xsSlot* slot);
/* UTF-8 that the caller frees. */
char* textArgument(xsMachine* the, int index);
char* textOf(xsMachine* the, xsSlot* slot);
/* Makes xsResult a Uint8Array of this length and returns its bytes, which the caller fills at once. */
uint8_t* resultBytes(xsMachine* the, xsUnsignedValue length);
void setBytes(xsMachine* the, xsSlot* slot, const void* data, xsUnsignedValue length);
void setText(xsMachine* the, xsSlot* slot, const char* utf8, size_t length);
void defineFunction(xsMachine* the, xsSlot* object, const char* name, xsCallback callback, int length);
void defineText(xsMachine* the, xsSlot* object, const char* name, const char* utf8);
/* Defines `name` in `object` as `value`, frozen. */
void defineFrozen(xsMachine* the, xsSlot* object, const char* name, xsSlot* value);
/* Throws an Error with `code` and `remedy`, as VertebraError has them. */
void fail(xsMachine* the, const char* code, const char* remedy, const char* format, ...) __attribute__((noreturn, format(printf, 4, 5)));

/* text.c: XS strings are CESU-8, the outside is UTF-8 */
char* utf8FromCesu8(const char* cesu8);
char* cesu8FromUtf8(const char* utf8, size_t length, size_t* resultLength);

/* callbacks.c: JavaScript functions that the host keeps and calls */
typedef struct {
	xsSlot function;
	bool kept;
} Callback;

void keepCallback(xsMachine* the, Callback* callback, int argument);
void dropCallback(xsMachine* the, Callback* callback);
/* Calls and runs the promise jobs that follow; what the function throws ends the process with EXIT_UNCAUGHT. */
void callBack(xsMachine* the, Callback* callback);
void callBackNull(xsMachine* the, Callback* callback);
void callBackBytes(xsMachine* the, Callback* callback, const void* data, xsUnsignedValue length);
void callBackText(xsMachine* the, Callback* callback, const char* utf8, size_t length);
/* Calls for the last time: the function is kept no longer. */
void callBackEnd(xsMachine* the, Callback* callback, int status, const char* utf8, size_t length);
void reportUncaught(xsMachine* the);

/* loop.c */
typedef struct {
	int fd;
	short events;
	void (*ready)(xsMachine* the, short events, void* context);
	void* context;
} Watch;

Watch* watch(xsMachine* the, int fd, short events, void (*ready)(xsMachine*, short, void*), void* context);
void unwatch(Watch* one);
/* Returns when nothing is left to wait for. */
void runLoop(xsMachine* the);

/* timers.c */
/* Calls those that are due, in the order in which they were opened. */
void runTimers(xsMachine* the);
/* When the next is due, or INFINITY. */
double nextTimer(void);

/* clock.c */
double monotonicMilliseconds(void);

/* output.c */
typedef enum { OUTPUT_LINES, OUTPUT_ERRORS } OutputStream;

/* Returns false where it was not taken: as 64 KB wait already, unless it may `wait` for room. */
bool putOut(OutputStream stream, const char* bytes, size_t length, bool wait);
/* A sentence on the standard error. */
void complain(const char* format, ...) __attribute__((format(printf, 1, 2)));
/* Waits until all is written, as long as somebody reads. */
void finishOutputs(void);

/* process.c */
/* When the next process is to be ended that did not end by itself, or INFINITY; and ends those whose time has come. */
double nextOverdue(void);
void endOverdue(void);
/* Ends all, and waits for them. */
void endProcesses(void);

/* sandbox.c: SIGALRM ends the process after so long, 0 calls it off. It goes on through exec. */
void endAfter(double milliseconds);

/* serial.c: takes away the names of pseudo-terminals */
void closeSerials(void);

/* Each defines its part of the object `native`; xsVar(1) is theirs to build an object in. */
void defineBulk(xsMachine* the, xsSlot* native);
void defineClock(xsMachine* the, xsSlot* native);
void defineTimer(xsMachine* the, xsSlot* native);
void defineSerial(xsMachine* the, xsSlot* native);
void defineFile(xsMachine* the, xsSlot* native);
void defineFlash(xsMachine* the, xsSlot* native);
void defineSodium(xsMachine* the, xsSlot* native);
void defineSensors(xsMachine* the, xsSlot* native);
void defineProcess(xsMachine* the, xsSlot* native);
void defineConsole(xsMachine* the, xsSlot* native);
void defineSandbox(xsMachine* the, xsSlot* native);

#endif
