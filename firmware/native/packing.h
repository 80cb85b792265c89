/* Values as they lie in flash (packing.c): natives for a manifest and for the host on Linux. */
#ifndef VERTEBRA_PACKING_H
#define VERTEBRA_PACKING_H

#include "xsmc.h"

void vertebra_stringsIn(xsMachine* the);
void vertebra_packBegin(xsMachine* the);
void vertebra_packOn(xsMachine* the);
void vertebra_packed(xsMachine* the);

#endif
