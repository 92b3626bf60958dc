#include "utf8.h"

size_t utf8_length(uint8_t first)
{
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

size_t utf8_incomplete_tail(const char *bytes, size_t count)
{
    for (size_t back = 1; back <= 3 && back <= count; back++) {
        uint8_t byte = (uint8_t)bytes[count - back];
        if ((byte & 0xc0) != 0x80) /* the first byte of the last character */
            return utf8_length(byte) > back ? back : 0;
    }
    return 0;
}
