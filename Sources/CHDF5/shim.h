// What Swift cannot see of HDF5: values behind macros, and calls whose names changed between versions.
#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H

#include <hdf5.h>
#include <hdf5_hl.h>

static inline unsigned chdf5_access_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_access_read_write(void) { return H5F_ACC_RDWR; }
static inline unsigned chdf5_access_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned chdf5_access_swmr_read(void) { return H5F_ACC_SWMR_READ; }
static inline unsigned chdf5_access_swmr_write(void) { return H5F_ACC_SWMR_WRITE; }

static inline hid_t chdf5_file_create_class(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_file_access_class(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_dataset_create_class(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_dataset_access_class(void) { return H5P_DATASET_ACCESS; }
static inline hid_t chdf5_link_create_class(void) { return H5P_LINK_CREATE; }

static inline hid_t chdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t chdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t chdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t chdf5_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t chdf5_native_uint64(void) { return H5T_NATIVE_UINT64; }
static inline hid_t chdf5_native_uint32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t chdf5_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }
static inline size_t chdf5_variable_length(void) { return H5T_VARIABLE; }

static inline hsize_t chdf5_unlimited(void) { return H5S_UNLIMITED; }
static inline unsigned chdf5_creation_order(void) { return H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED; }

// What is called for each link: its name, and whether it leads to an object of this file. Above 0 it ends the walk.
typedef herr_t (*chdf5_link_visitor)(const char *name, int is_hard, void *context);

struct chdf5_link_visit {
  chdf5_link_visitor visitor;
  void *context;
};

static inline herr_t chdf5_visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  const struct chdf5_link_visit *visit = (const struct chdf5_link_visit *)data;
  (void)group;
  return visit->visitor(name, info->type == H5L_TYPE_HARD, visit->context);
}

// In the order in which the names lie in the file: for any other one, and for names by number, the library builds a table
// of all links first, and 1.10.8 crashes when that fails half-way.
static inline herr_t chdf5_for_each_link(hid_t group, chdf5_link_visitor visitor, void *context) {
  struct chdf5_link_visit visit = {visitor, context};
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, chdf5_visit_link, &visit);
}

#endif
