/* What the linker of the Moddable SDK strips of a board's program, this firmware strips as functions are made: names and lengths that nobody
   asks for, and prototypes of functions that nobody constructs; 80 bytes of RAM each. Classes have theirs. */
#include "xsAll.h"

txSlot* __wrap_fxNewFunctionLength(txMachine* the, txSlot* instance, txNumber length)
{
	return C_NULL;
}

txSlot* __wrap_fxNewFunctionName(txMachine* the, txSlot* instance, txID id, txIndex index, txID former, txString prefix)
{
	return C_NULL;
}

void __wrap_fxDefaultFunctionPrototype(txMachine* the)
{
	the->stack->value.reference->flag |= XS_CAN_CONSTRUCT_FLAG;
}
