# leadflow_embed(OUT variable NAMESPACE_FUNCTION name FILES a b ...): turns files into a C++ source with
#   std::optional<std::string_view> name(std::string_view file_name);
function(leadflow_embed)
  cmake_parse_arguments(ARG "" "OUT;FUNCTION" "FILES" ${ARGN})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${ARG_FUNCTION}.cc)
  add_custom_command(OUTPUT ${source}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/embed.py ${ARG_FUNCTION} ${source} ${ARG_FILES}
    DEPENDS ${PROJECT_SOURCE_DIR}/cmake/embed.py ${ARG_FILES}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    VERBATIM)
  set(${ARG_OUT} ${source} PARENT_SCOPE)
endfunction()
