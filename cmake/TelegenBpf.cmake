# telegen_bpf_object(FAMILY) compiles bpf/FAMILY.bpf.c and generates its libbpf skeleton, FAMILY.skel.h.
