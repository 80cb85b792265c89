/* What main.c takes of this host's other files beside host.h. */
#ifndef VERTEBRA_NATIVES_H
#define VERTEBRA_NATIVES_H

#include "../host.h"

/* serial.c, console.c: gives the program what came in on the two lines. */
void passReceived(xsMachine* the);
/* When the program is to be given what waits on the serial line, or INFINITY. */
double nextReceived(void);
void passCommands(xsMachine* the);

/* provision.c. Whether it was made with one. */
bool hasProvision(void);

void defineRandom(xsMachine* the, xsSlot* native);
void defineRestart(xsMachine* the, xsSlot* native);
void defineMachine(xsMachine* the, xsSlot* native);

#endif
