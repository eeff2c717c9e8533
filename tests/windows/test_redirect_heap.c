/* roost_redirect_heap on this program: HeapAlloc and its kin on the process's heap. SPDX-License-Identifier: MIT */
#include "library.h"

static library roost;
static HANDLE heap;

static NOT_INLINE void sizes_are_exact_and_what_is_added_is_zero(void)
{
    for (SIZE_T size = 0; size < 3000; size += 7) {
        unsigned char *block = HeapAlloc(heap, 0, size);
        CHECK(roost.owns(block));
        CHECK(HeapSize(heap, 0, block) == size);
        memset(block, 0xff, size);
        unsigned char *other = HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, size + 100);
        CHECK(roost.owns(other) && HeapSize(heap, 0, other) == size + 100);
        for (SIZE_T i = 0; i < size + 100; i++)
            CHECK(other[i] == (i < size ? 0xff : 0));
        CHECK(HeapFree(heap, 0, other));
    }
    unsigned char *zeroed = HeapAlloc(heap, HEAP_ZERO_MEMORY, 100000);
    for (SIZE_T i = 0; i < 100000; i++)
        CHECK(zeroed[i] == 0);
    CHECK(HeapFree(heap, 0, zeroed) && HeapFree(heap, 0, NULL));
}

static NOT_INLINE void in_place_or_not_at_all(void)
{
    void *block = HeapAlloc(heap, 0, 1000);
    CHECK(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 10) == block && HeapSize(heap, 0, block) == 10);
    CHECK(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 1 << 20) == NULL && HeapSize(heap, 0, block) == 10);
    CHECK(HeapFree(heap, 0, block));
}

static volatile LONG raised;

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != (DWORD)STATUS_NO_MEMORY)
        return EXCEPTION_CONTINUE_SEARCH;
    raised++;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static NOT_INLINE void without_memory(void)
{
    const SIZE_T too_much = (SIZE_T)1 << 62;
    CHECK(HeapAlloc(heap, 0, too_much) == NULL && raised == 0);
    PVOID handler = AddVectoredExceptionHandler(1, on_exception);
    CHECK(HeapAlloc(heap, HEAP_GENERATE_EXCEPTIONS, too_much) == NULL && raised == 1);
    void *block = HeapAlloc(heap, 0, 10);
    CHECK(HeapReAlloc(heap, HEAP_GENERATE_EXCEPTIONS, block, too_much) == NULL && raised == 2);
    CHECK(HeapFree(heap, 0, block));
    RemoveVectoredExceptionHandler(handler);
}

static NOT_INLINE void other_heaps_are_left_alone(void)
{
    HANDLE own = HeapCreate(0, 0, 0);
    void *block = HeapAlloc(own, 0, 100);
    CHECK(block != NULL && !roost.owns(block) && HeapSize(own, 0, block) == 100 && HeapFree(own, 0, block));
    HeapDestroy(own);
}

int main(void)
{
    heap = GetProcessHeap();
    void *before = HeapAlloc(heap, 0, 100);
    roost = library_load("roost_api.dll");
    int changed = roost.redirect_heap(GetModuleHandleA(NULL));
    CHECK(changed == 4);
    CHECK(!roost.owns(before) && HeapSize(heap, 0, before) == 100);
    before = HeapReAlloc(heap, 0, before, 200);
    CHECK(before != NULL && !roost.owns(before) && HeapFree(heap, 0, before));
    RUN(sizes_are_exact_and_what_is_added_is_zero);
    RUN(in_place_or_not_at_all);
    RUN(without_memory);
    RUN(other_heaps_are_left_alone);
    CHECK(roost.undo(GetModuleHandleA(NULL)) == 4);
    return 0;
}
