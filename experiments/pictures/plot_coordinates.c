/*
 * What the coordinates of a run's loss are called: see plot_coordinates.h. A run without a recipe
 * that can be read has pictures all the same.
 */
#include "experiments/pictures/plot_coordinates.h"

#include "experiments/io/yaml.h"
#include "experiments/pictures/plot_names.h"
#include "models/loss.h"

#include <string.h>

/* One name, or the first two, from the list `parameters` of a formula. */
static char *first_parameters(struct fy_node *list)
{
  char *names = sde_strdup("");
  for (int i = 0; i < 2 && i < fy_node_sequence_item_count(list); i++) {
    const char *name = yaml_scalar(fy_node_sequence_get_by_index(list, i));
    if (name != NULL)
      plot_extend(&names, sde_format("%s%s", i > 0 ? " " : "", name));
  }
  return names;
}

char *plot_coordinates(const char *directory)
{
  char *path = sde_format("%s/recipe.yaml", directory), *names = NULL;
  struct sde_status status = {SDE_OK, ""};
  struct yaml *recipe = yaml_read(path, &status);
  struct fy_node *loss = recipe != NULL ? yaml_get(yaml_root(recipe), "loss") : NULL;
  struct fy_node *name = loss != NULL ? yaml_get(loss, "name") : NULL;
  struct fy_node *parameters = loss != NULL ? yaml_get(loss, "parameters") : NULL;
  const char *loss_name = name != NULL ? yaml_scalar(name) : NULL;
  const struct loss_type *type = loss_name != NULL ? loss_type_named(loss_name) : NULL;
  if (parameters != NULL && fy_node_is_sequence(parameters))
    names = first_parameters(parameters);
  else
    names = sde_strdup(type != NULL && type->coordinates != NULL ? type->coordinates : "");
  if (recipe != NULL)
    yaml_free(recipe);
  sde_free(path);
  return names;
}
