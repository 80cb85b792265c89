/* native.bulk: what bulk.c, packing.c and plain-writes.c do, for the programs of any host (native-bulk.ts, native-packing.ts, native-plain-writes.ts). */
#include "host.h"
#include "bulk.h"
#include "packing.h"
#include "plain-writes.h"

void defineBulk(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "equal", vertebra_equal, 2);
	defineFunction(the, &xsVar(1), "compare", vertebra_compare, 2);
	defineFunction(the, &xsVar(1), "isFilled", vertebra_isFilled, 2);
	defineFunction(the, &xsVar(1), "joined", vertebra_joined, 3);
	defineFunction(the, &xsVar(1), "named", vertebra_named, 2);
	defineFunction(the, &xsVar(1), "find", vertebra_find, 3);
	defineFunction(the, &xsVar(1), "endOfItem", vertebra_endOfItem, 3);
	defineFunction(the, &xsVar(1), "nextString", vertebra_nextString, 4);
	defineFunction(the, &xsVar(1), "numberAtEnd", vertebra_numberAtEnd, 1);
	defineFunction(the, &xsVar(1), "toHex", vertebra_toHex, 1);
	defineFunction(the, &xsVar(1), "crc32c", vertebra_crc32c, 2);
	defineFunction(the, &xsVar(1), "utf8FromText", vertebra_utf8FromText, 1);
	defineFunction(the, &xsVar(1), "textFromUtf8", vertebra_textFromUtf8, 1);
	defineFunction(the, &xsVar(1), "encodePlain", vertebra_encodePlain, 3);
	defineFunction(the, &xsVar(1), "bytesFromHex", vertebra_bytesFromHex, 1);
	defineFunction(the, &xsVar(1), "stringsIn", vertebra_stringsIn, 1);
	defineFunction(the, &xsVar(1), "packBegin", vertebra_packBegin, 3);
	defineFunction(the, &xsVar(1), "packOn", vertebra_packOn, 6);
	defineFunction(the, &xsVar(1), "packed", vertebra_packed, 1);
	defineFunction(the, &xsVar(1), "notePlainWrites", vertebra_notePlainWrites, 6);
	defineFrozen(the, native, "bulk", &xsVar(1));
}
