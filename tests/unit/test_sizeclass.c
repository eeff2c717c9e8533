/* Size classes: both tables recomputed from the rule, and the search for every size.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/sizeclass.h"

/* The rule, told anew: steps of 16 up to 128, then of a quarter of the power of two below. */
static size_t next_size(size_t size)
{
    size_t power = 128;
    if (size < 128)
        return size + 16;
    while (power * 2 <= size)
        power *= 2;
    return size + power / 4;
}

static void class_table_follows_the_rule(void **state)
{
    (void)state;
    size_t size = 16;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++, size = next_size(size)) {
        const rst_class_info *info = &rst_classes[c];
        assert_int_equal(info->size, size);
        assert_int_equal(info->span, size <= 8192 ? 1 : 4);
        assert_int_equal(info->capacity, info->span * 65536 / size);
        assert_int_equal(info->chunk, size <= 4096 ? 4096 / size : 1);
        assert_int_equal(info->reserve, info->capacity < 16 ? 1 : info->capacity / 8);
        assert_true(info->reserve >= 1 && info->reserve <= info->capacity && info->chunk >= 1);
    }
    assert_int_equal(rst_classes[RST_CLASS_COUNT - 1].size, 65536);
}

static void index_is_found_without_division(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        const rst_class_info *info = &rst_classes[c];
        for (size_t offset = 0; offset < 2 * info->span * RST_SLICE_SIZE; offset++) {
            uint64_t index = rst_class_index(info, offset);
            if (offset % info->size == 0)
                assert_int_equal(index, offset / info->size);
            else
                assert_true(index >= RST_GRAIN * RST_SLICE_SIZE);
        }
        for (size_t before = 1; before < 100000; before++)
            assert_true(rst_class_index(info, 0 - before) >= info->capacity);
        for (unsigned bit = 20; bit < 64; bit++)
            assert_true(rst_class_index(info, (uint64_t)info->size + ((uint64_t)1 << bit)) >= info->capacity);
    }
}

static void every_size_gets_the_least_class(void **state)
{
    (void)state;
    unsigned c = 0;
    for (size_t size = 0; size <= RST_MEDIUM_MAX; size++) {
        if (size > rst_classes[c].size)
            c++;
        assert_int_equal(rst_class_of(size), c);
        if (size > RST_LINEAR_MAX) {
            assert_true((rst_classes[c].size - size) * 5 <= rst_classes[c].size);
        }
    }
    assert_int_equal(c, RST_CLASS_COUNT - 1);
}

static void aligned_class_is_the_least_that_fits(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 2 * RST_MEDIUM_MAX; alignment *= 2) {
        for (size_t size = 0; size <= RST_MEDIUM_MAX + 1; size += size < 300 ? 1 : 61) {
            unsigned least = 0;
            while (least < RST_CLASS_COUNT &&
                   (rst_classes[least].size < size || rst_classes[least].size % alignment != 0))
                least++;
            assert_int_equal(rst_class_of_aligned(size, alignment), least);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_table_follows_the_rule),
        cmocka_unit_test(index_is_found_without_division),
        cmocka_unit_test(every_size_gets_the_least_class),
        cmocka_unit_test(aligned_class_is_the_least_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
