/*
 * Losses as plug-ins: a shared object that exports a `struct loss_plugin` under the name
 * sharpsde_loss, which a recipe names by `loss: {name: plugin, plugin: ./myloss.so}`.
 * examples/plugin_loss/ is one, with the command that builds it.
 */
#ifndef MODELS_LOSS_PLUGIN_H
#define MODELS_LOSS_PLUGIN_H

#include "models/loss.h"

/* Counts changes of the meaning of this header, models/loss.h and models/parameters.h. */
#define LOSS_PLUGIN_VERSION 1

/* What a plug-in exports; LOSS_PLUGIN fills it. */
struct loss_plugin {
  /* What the plug-in was built against; it is refused where the program has others. */
  unsigned version;
  size_t type_size, loss_size;
  /* As in loss.h. name, summary and keys are not used: `create` reads what the recipe gave under
   * `settings` (numbers) and `data` (a file), where parameters_has says so. destroy is called after
   * a failed create too, with data as create left it, NULL at first. Functions of the program
   * (sde_alloc, sde_fail, parameters_reals, data_table_read, ...) may be called. */
  const struct loss_type *type;
};

/* const struct loss_plugin sharpsde_loss = LOSS_PLUGIN(&my_type); */
#define LOSS_PLUGIN(loss_type_pointer)                                                             \
  {                                                                                                \
    LOSS_PLUGIN_VERSION, sizeof(struct loss_type), sizeof(struct loss), loss_type_pointer          \
  }

/* In the plug-in: the name under which it is found. */
extern const struct loss_plugin sharpsde_loss;

#endif
