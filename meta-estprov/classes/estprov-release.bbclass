# An archive of EstProv's release as the source: ESTPROV_ARCHIVE, from ESTPROV_RELEASES.
#
# A folder needs no checksum, since bitbake hashes what lies there. For a URL a bbappend sets SRC_URI[archive.sha256sum].

ESTPROV_ARCHIVE ?= ""
ESTPROV_UNPACKED = "${@d.getVar('ESTPROV_ARCHIVE').replace('.tar.xz', '')}"
SRC_URI = "${@estprov_archive_uri(d)}"
S = "${UNPACKDIR}/${ESTPROV_UNPACKED}"

# A folder is only looked in: its name is in no task's hash, so that another build folder finds the same shared state.
FILESEXTRAPATHS:prepend = "${@estprov_archive_folder(d)}"
SRC_URI[vardepvalue] = "${SRC_URI}"

def estprov_archive_folder(d):
    releases = d.getVar('ESTPROV_RELEASES').rstrip('/')
    return '' if '://' in releases else releases + ':'

def estprov_archive_uri(d):
    releases = d.getVar('ESTPROV_RELEASES').rstrip('/')
    if '://' in releases:
        return '%s/%s;name=archive' % (releases, d.getVar('ESTPROV_ARCHIVE'))
    return 'file://%s' % d.getVar('ESTPROV_ARCHIVE')

python () {
    releases = d.getVar('ESTPROV_RELEASES').rstrip('/')
    if '://' in releases:
        return
    path = os.path.join(releases, d.getVar('ESTPROV_ARCHIVE'))
    # Looked at again at the next parse, once it is there.
    bb.parse.mark_dependency(d, path)
    if not os.path.isfile(path):
        raise bb.parse.SkipRecipe("%s is not there: run ./build.sh arm64 in EstProv's tree, or set ESTPROV_RELEASES" % path)
}
