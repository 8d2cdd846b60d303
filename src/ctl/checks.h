/* What orderctl check looks at, an area each. Each adds what it finds and goes on as far as it can;
 * none of them changes anything. */
#ifndef ORDERD_CTL_CHECKS_H
#define ORDERD_CTL_CHECKS_H

struct ctl;
struct findings;

/* check_files.c */
void check_config_file(struct ctl *, struct findings *);
void check_state_folder(struct ctl *, struct findings *);
void check_keys(struct ctl *, struct findings *);
void check_database_files(struct ctl *, struct findings *);
void check_ledger(struct ctl *, struct findings *);

/* check_spool.c */
void check_spool(struct ctl *, struct findings *);

/* check_database.c */
void check_database(struct ctl *, struct findings *);

#endif
