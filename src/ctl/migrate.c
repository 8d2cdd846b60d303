/* orderctl migrate: the database is brought up to date, or made, while no orderd runs. */
#include "ctl/subjects.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

enum err migrate_run(struct ctl *ctl)
{
    static const struct output_column columns[] = {
        {"database", OUTPUT_TEXT}, {"applied", OUTPUT_INT}};
    struct admin_options options = ctl_database(ctl);
    int64_t applied = 0;
    enum err e = admin_migrate(&options, &applied, &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "migrations", columns, 2);
    output_row(&o, (struct output_value[]){{.text = options.path}, {.number = applied}});
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}
