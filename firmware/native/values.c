#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"

Bytes bytesArgument(xsMachine* the, int index)
{
	Bytes bytes = { NULL, 0 };
	void* data = NULL;
	if (index >= xsmcArgc || xsmcTypeOf(xsArg(index)) != xsReferenceType)
		xsTypeError("argument %d must be a Uint8Array", index);
	xsmcGetBufferReadable(xsArg(index), &data, &bytes.length);
	bytes.data = data;
	return bytes;
}

Bytes fixedBytesArgument(xsMachine* the, int index, xsUnsignedValue length)
{
	Bytes bytes = bytesArgument(the, index);
	if (bytes.length != length)
		xsRangeError("argument %d must have %u bytes, and has %u", index, (unsigned)length, (unsigned)bytes.length);
	return bytes;
}

double numberArgument(xsMachine* the, int index, double least, double most)
{
	double number;
	if (index >= xsmcArgc)
		xsTypeError("argument %d is missing", index);
	number = xsmcToNumber(xsArg(index));
	if (!(number >= least && number <= most))
		xsRangeError("argument %d must be from %g to %g", index, least, most);
	return number;
}

char* textOf(xsMachine* the, xsSlot* slot)
{
	char* text = utf8FromCesu8(fxToString(the, slot));
	if (!text)
		xsUnknownError("out of memory");
	return text;
}

/* Text that lies in the program's own bytecode has a type of its own. */
bool isText(xsMachine* the, xsSlot* slot)
{
	xsType type = fxTypeOf(the, slot);
	return type == xsStringType || type == xsStringXType;
}

char* textArgument(xsMachine* the, int index)
{
	if (index >= xsmcArgc || !isText(the, &xsArg(index)))
		xsTypeError("argument %d must be a string", index);
	return textOf(the, &xsArg(index));
}

/* The collector knows the machine's own slots, not C's: what must live through an allocation stands in xsResult, xsVar or the
   global object, and identifiers, which may allocate, are made first. */

void setBytes(xsMachine* the, xsSlot* slot, const void* data, xsUnsignedValue length)
{
	xsIdentifier constructor = xsID("Uint8Array");
	fxArrayBuffer(the, slot, (void*)data, (xsIntegerValue)length, -1);
	_xsNew(the, slot, &xsGlobal, constructor, slot, NULL);
}

uint8_t* resultBytes(xsMachine* the, xsUnsignedValue length)
{
	void* data = NULL;
	xsUnsignedValue count;
	setBytes(the, &xsResult, NULL, length);
	xsmcGetBufferWritable(xsResult, &data, &count);
	return data;
}

void setText(xsMachine* the, xsSlot* slot, const char* utf8, size_t length)
{
	size_t converted = 0;
	char* cesu8 = cesu8FromUtf8(utf8, length, &converted);
	if (!cesu8)
		xsUnknownError("out of memory");
	fxStringBuffer(the, slot, cesu8, (xsIntegerValue)converted);
	free(cesu8);
}

void defineFunction(xsMachine* the, xsSlot* object, const char* name, xsCallback callback, int length)
{
	xsIdentifier id = fxID(the, name);
	xsSlot function = xsNewHostFunction(callback, length);
	_xsDefine(the, object, id, &function, xsDontDelete | xsDontSet);
}

void defineText(xsMachine* the, xsSlot* object, const char* name, const char* utf8)
{
	xsIdentifier id = fxID(the, name);
	xsSlot text;
	setText(the, &text, utf8, strlen(utf8));
	_xsDefine(the, object, id, &text, xsDontDelete | xsDontSet);
}

void defineFrozen(xsMachine* the, xsSlot* object, const char* name, xsSlot* value)
{
	xsIdentifier id = fxID(the, name);
	xsSlot constructor;
	_xsGet(the, &constructor, &xsGlobal, xsID("Object"));
	_xsCall(the, NULL, &constructor, xsID("freeze"), value, NULL);
	_xsDefine(the, object, id, value, xsDontDelete | xsDontSet);
}

static void setTextProperty(xsMachine* the, xsSlot* object, const char* name, const char* utf8)
{
	xsIdentifier id = fxID(the, name);
	xsSlot text;
	setText(the, &text, utf8, strlen(utf8));
	_xsSet(the, object, id, &text);
}

void fail(xsMachine* the, const char* code, const char* remedy, const char* format, ...)
{
	char message[512];
	va_list arguments;
	xsIdentifier constructor = xsID("Error");
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	setText(the, &xsResult, message, strlen(message));
	_xsNew(the, &xsResult, &xsGlobal, constructor, &xsResult, NULL);
	setTextProperty(the, &xsResult, "code", code);
	setTextProperty(the, &xsResult, "remedy", remedy);
	xsThrow(xsResult);
	abort();
}
