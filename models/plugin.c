/*
 * A loss of one's own in C: a shared object that is loaded while the program runs. See
 * loss_plugin.h.
 */
#include "models/loss_plugin.h"

#include <dlfcn.h>
#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "plugin",
     .type = PARAMETER_FILE,
     .required = true,
     .help = "shared object that exports sharpsde_loss, see models/loss_plugin.h"},
    {.name = "settings",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -1e300,
     .high = 1e300,
     .help = "numbers that the plug-in reads"},
    {.name = "data", .type = PARAMETER_FILE, .help = "file that the plug-in reads"},
    {.name = NULL}};

/* The type that a loaded loss has: the plug-in's, but for its end, which also unloads it. */
struct loaded {
  struct loss_type type; /* first, so that a loss leads back here */
  void *object;
  void (*destroy)(struct loss *loss);
};

static void destroy_loaded(struct loss *loss)
{
  struct loaded *loaded = (struct loaded *)loss->type;
  loaded->destroy(loss);
  dlclose(loaded->object);
  sde_free(loaded);
}

/* A name without a slash would be looked for where libraries are. */
static void *open_object(const char *file)
{
  char *path = sde_format("%s%s", strchr(file, '/') == NULL ? "./" : "", file);
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  sde_free(path);
  return object;
}

static bool check_type(const struct loss_plugin *plugin, const char *place, const char *file,
                       struct sde_status *status)
{
  const struct loss_type *type = plugin->type;
  if (plugin->version != LOSS_PLUGIN_VERSION || plugin->type_size != sizeof(struct loss_type) ||
      plugin->loss_size != sizeof(struct loss))
    return sde_fail(status, SDE_INVALID,
                    "%s: plugin: %s is built for version %u (%zu, %zu) of models/loss_plugin.h; "
                    "accepted is version %d (%zu, %zu), so build it again",
                    place, file, plugin->version, plugin->type_size, plugin->loss_size,
                    LOSS_PLUGIN_VERSION, sizeof(struct loss_type), sizeof(struct loss));
  if (type == NULL || type->create == NULL || type->destroy == NULL || type->value == NULL ||
      type->gradient == NULL || type->hessian_vector == NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: plugin: %s leaves out a function; accepted is a type with create, "
                    "destroy, value, gradient and hessian_vector",
                    place, file);
  return true;
}

static bool check_made(const struct loss *loss, const char *place, const char *file,
                       struct sde_status *status)
{
  if (loss->dim >= 1 && loss->samples >= 1 && loss->samples <= UINT32_MAX / 2)
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: plugin: %s made a loss of %zu coordinates and %zu samples; accepted is at "
                  "least one of each, and at most 2^31 samples",
                  place, file, loss->dim, loss->samples);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  const char *place = parameters_place(parameters, "plugin");
  const char *file = parameters_text(parameters, "plugin");
  void *object = open_object(file);
  if (object == NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: plugin: cannot be loaded: %s; accepted is a shared object (cc -shared)",
                    place, dlerror());
  const struct loss_plugin *plugin = dlsym(object, "sharpsde_loss");
  if (plugin == NULL)
    sde_fail(status, SDE_INVALID,
             "%s: plugin: %s exports no sharpsde_loss; accepted is a shared object with a struct "
             "loss_plugin of that name",
             place, file);
  if (plugin == NULL || !check_type(plugin, place, file, status)) {
    dlclose(object);
    return false;
  }
  struct loaded *loaded = sde_alloc(1, sizeof *loaded);
  *loaded = (struct loaded){*plugin->type, object, plugin->type->destroy};
  loaded->type.name = "plugin";
  loaded->type.destroy = destroy_loaded;
  loss->type = &loaded->type;
  if (loaded->type.create(loss, parameters, status))
    return check_made(loss, place, file, status);
  return sde_fail(status, SDE_INVALID, "%s: plugin: %s failed and did not say why", place, file);
}

/* Where nothing was loaded. */
static void destroy(struct loss *loss)
{
  (void)loss;
}

extern const struct loss_type loss_plugin;
const struct loss_type loss_plugin = {
    .name = "plugin",
    .summary = "a loss of your own in C, loaded from a shared object; docs/extending.md",
    .keys = keys,
    .create = create,
    .destroy = destroy,
};
