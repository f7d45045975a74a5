# Changes nothing, and says what would only be seen on the device: the daemons take PIN and password as encrypted credentials, and oe-core's systemd is built
# without what decrypts them, whether the key is the machine's or a TPM's.
python () {
    if 'openssl' in (d.getVar('PACKAGECONFIG') or '').split() or not bb.utils.contains('DISTRO_FEATURES', 'systemd', True, False, d):
        return
    if bb.utils.to_boolean(d.getVar('ESTPROV_ENCRYPTED_CREDENTIALS')):
        bb.warn('systemd is built without OpenSSL, and cannot decrypt the credentials of EstProv\'s units: add PACKAGECONFIG:append:pn-systemd = " openssl", '
            'or set ESTPROV_ENCRYPTED_CREDENTIALS = "0" where there are none')
}
