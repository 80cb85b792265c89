/* What the linker of the Moddable SDK strips of a board's program, this firmware strips in RAM. As functions are made: names and lengths that
   nobody asks for, and prototypes of functions that nobody constructs; 80 bytes of RAM each. Classes have theirs. Before the program runs:
   of the intrinsics, what it does not name. */
#include "xsAll.h"
#include "program.h"

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

/* Names by which the engine itself, or this host, asks an object. */
static const txID asked[] = {
	mxID(_add), mxID(_byteLength), mxID(_cause), mxID(_constructor), mxID(_done), mxID(_dotAll), mxID(_exec), mxID(_flags),
	mxID(_freeze), mxID(_from), mxID(_get), mxID(_global), mxID(_groups), mxID(_has), mxID(_hasIndices), mxID(_ignoreCase),
	mxID(_index), mxID(_isFrozen), mxID(_join), mxID(_keys), mxID(_lastIndex), mxID(_length), mxID(_maxByteLength),
	mxID(_message), mxID(_multiline), mxID(_name), mxID(_next), mxID(_parse), mxID(_prototype), mxID(_raw), mxID(_resolve),
	mxID(_return), mxID(_set), mxID(_size), mxID(_sort), mxID(_source), mxID(_stack), mxID(_sticky), mxID(_then), mxID(_throw),
	mxID(_toISOString), mxID(_toJSON), mxID(_toLocaleString), mxID(_toString), mxID(_unicode), mxID(_value), mxID(_valueOf),
	mxID(_writable)
};

static bool isAsked(txID id)
{
	size_t i;
	for (i = 0; i < sizeof asked / sizeof *asked; i++) {
		if (asked[i] == id)
			return true;
	}
	return false;
}

static void strip(txSlot* instance)
{
	txSlot** link = &instance->next;
	while (*link) {
		txID id = (*link)->ID;
		bool builtIn = !((*link)->flag & XS_INTERNAL_FLAG) && XS_SYMBOL_ID_COUNT <= id && id < XS_ID_COUNT;
		if (builtIn && !isNamed(id) && !isAsked(id))
			*link = (*link)->next;
		else
			link = &(*link)->next;
	}
}

void stripIntrinsics(void* machine)
{
	txMachine* the = machine;
	int i;
	for (i = XS_SYMBOL_ID_COUNT; i < mxStackIndexCount; i++) {
		txSlot* slot = &the->stackPrototypes[-1 - i];
		if (slot->kind == XS_REFERENCE_KIND)
			strip(slot->value.reference);
	}
	fxCollectGarbage(the);
}
