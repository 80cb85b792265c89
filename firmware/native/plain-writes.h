/* Writes that are read when a log is mounted (plain-writes.c): a native for a manifest and for the host on Linux. */
#ifndef VERTEBRA_PLAIN_WRITES_H
#define VERTEBRA_PLAIN_WRITES_H

#include "xsmc.h"

void vertebra_notePlainWrites(xsMachine* the);

#endif
