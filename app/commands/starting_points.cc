#include <cstdio>
#include <string>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"
#include "connectors/formats/make_decoder.h"
#include "operators/pipeline/schema.h"

namespace leadflow::app {
