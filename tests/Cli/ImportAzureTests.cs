using EstProv.Configuration;

namespace EstProv.Cli.Tests;

/// <summary>Azure IoT Identity Service's files become ours.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ImportAzureTests : IDisposable
{
    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Test]
    public void A_super_config_with_est_becomes_three_files_that_can_be_used()
    {
        var text = Import("""
            hostname = "my-device"
            local_gateway_hostname = "parent.example"
            cloud_timeout_sec = 10

            [provisioning]
            source = "dps"
            global_endpoint = "https://global.azure-devices-provisioning.net/"
            id_scope = "0ab1234C5D6"

            [provisioning.attestation]
            method = "x509"
            registration_id = "my-device"
            identity_cert = { method = "est", common_name = "my-device" }
            identity_pk = "pkcs11:slot-id=0;object=device%20id?pin-value=1234"

            [cert_issuance.est]
            trusted_certs = ["file:///var/secrets/est-id-ca.pem"]

            [cert_issuance.est.auth]
            username = "estuser"
            password = "estpwd-91c3"
            bootstrap_identity_cert = "file:///var/secrets/est-bootstrap-id.pem"
            bootstrap_identity_pk = "pkcs11:slot-id=0;object=est-bootstrap-id?pin-value=1234"
            headers = { X-Tenant = "factory-7" }

            [cert_issuance.est.urls]
            default = "https://example.org/.well-known/est"

            [aziot_keys]
            pkcs11_lib_path = "/usr/lib/libmypkcs11.so"
            pkcs11_base_slot = "pkcs11:slot-id=0?pin-value=1234"
            """, expected: 0);
        Assert.That(text, Does.Contain("hostname is not carried over").And.Contain("cloud_timeout_sec is not carried over")
            .And.Contain("the EST password stands in the file"));
        Assert.That(text, Does.Not.Contain("factory-7").And.Not.Contain("estpwd-91c3").And.Not.Contain("1234?"));
        Assert.That(Out("keyd.toml"), Is.EqualTo("""
            [pkcs11]
            "lib_path" = "/usr/lib/libmypkcs11.so"
            "base_slot" = "pkcs11:slot-id=0?pin-value=1234"

            [preloaded_keys]
            "bootstrap" = "pkcs11:slot-id=0;object=est-bootstrap-id?pin-value=1234"
            "device-id" = "pkcs11:slot-id=0;object=device%20id?pin-value=1234"

            """));
        Assert.That(Out("certd.toml"), Does.Contain("\"trusted_certs\" = [\"est-trust-1\"]")
            .And.Contain("\"est-trust-1\" = \"/var/secrets/est-id-ca.pem\"")
            .And.Contain("[cert_issuance.est.headers]\n\"X-Tenant\" = \"factory-7\"\n")
            .And.Contain("[cert_issuance.device-id]\n\"method\" = \"est\"\n\"common_name\" = \"my-device\"")
                .And.Contain("\"identity_cert\" = \"est-id\"").And.Not.Contain("estpwd"));
        var identityd = ConfigurationLoader.LoadIdentityd(At("out/identityd.toml"), At("out/identityd.d"), static _ => null)
            .Value!.Provisioning;
        Assert.That((identityd.LocalGatewayHostname, identityd.Authentication.KeyId), Is.EqualTo(("parent.example", "device-id")));
        Assert.That(File.GetUnixFileMode(At("out/keyd.toml")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite),
            "it holds a PIN");
    }

    [Test]
    public void A_connection_string_gives_hub_and_device_and_not_its_key()
    {
        var text = Import("""
            [provisioning]
            source = "manual"
            connection_string = "HostName=example.azure-devices.net;DeviceId=my-device;SharedAccessKey=YXppb3Q="
            """, expected: 0);
        Assert.That(text, Does.Contain("a symmetric key stands in the file, and is not copied"));
        Assert.That(Out("identityd.toml"), Is.EqualTo("""
            [provisioning]
            "source" = "manual"
            "iothub_hostname" = "example.azure-devices.net"
            "device_id" = "my-device"

            [provisioning.authentication]
            "method" = "sas"
            "device_id_pk" = "device-id"

            """));
    }

    [Test]
    public void The_services_own_files_are_read_with_their_principals()
    {
        Write("aziot/keyd/config.d/00-super.toml",
            "[aziot_keys]\nhomedir_path = \"/var/lib/aziot/keyd\"\npkcs11_lib_path = \"/usr/lib/x.so\"\npkcs11_base_slot = \"pkcs11:token=edge\"\n"
            + "[preloaded_keys]\ndevice-id = \"file:///var/secrets/device.key\"\n[[principal]]\nuid = 4000000\nkeys = [\"mine\"]\n");
        Write("aziot/certd/config.toml",
            "homedir_path = \"/var/lib/aziot/certd\"\n[cert_issuance]\ndevice-ca = \"est\"\nmodule-id = { method = \"local_ca\", expiry_days = 9 }\n"
            + "[cert_issuance.est]\n[cert_issuance.est.auth]\nidentity_cert = \"est-id\"\nidentity_pk = \"est-id\"\n[cert_issuance.est.urls]\ndefault = \"https://example.org/.well-known/est\"\n"
            + "[preloaded_certs]\nca = \"file:///var/ca.pem\"\ntrust-bundle = [\"ca\"]\n");
        Write("aziot/identityd/config.d/50.toml",
            "hostname = \"x\"\n[provisioning]\nsource = \"dps\"\nglobal_endpoint = \"https://global.azure-devices-provisioning.net\"\nscope_id = \"0ne1\"\n"
            + "[provisioning.attestation]\nmethod = \"symmetric_key\"\nregistration_id = \"d\"\nsymmetric_key = \"device-id\"\n[[principal]]\nuid = 1234\nname = \"agent\"\nidtype = [\"module\"]\n");
        var text = Run(0, At("aziot"));
        Assert.That(text, Does.Contain("the key 'device-id' is a file")
            .And.Contain("uid 4000000 gets the rights use, generate and delete"));
        Assert.That(Out("keyd.toml"), Does.Contain(
            "[[principal]]\nuid = 4000000\nkeys = [\"mine\"]\nrights = [\"use\", \"generate\", \"delete\"]\n"));
        Assert.That(Out("certd.toml"), Does.Contain("\"device-ca\" = \"est\"")
            .And.Contain("[cert_issuance.module-id]\n\"method\" = \"device-ca\"\n\"expiry_days\" = 9")
            .And.Contain("\"ca\" = \"/var/ca.pem\""));
        Assert.That(Out("identityd.toml"), Does.Contain("name = \"agent\"").And.Contain("idtype = [\"module\"]")
            .And.Contain("\"symmetric_key\" = \"device-id\""));
    }

    [Test]
    public void Nothing_is_written_over_and_what_cannot_be_read_is_said()
    {
        Import("[provisioning]\nsource = \"none\"\n", expected: 0);
        var text = Run(1, At("config.toml"));
        Assert.That(text, Does.Contain("cannot write").And.Contain("hint: "));
        File.WriteAllText(At("config.toml"), "[provisioning\n");
        Assert.That(Run(1, At("config.toml")), Does.Contain("config.toml:1:"));
        Assert.That(Run(1, At("nowhere")), Does.Contain("cannot read this file"));
        Directory.CreateDirectory(At("empty"));
        Assert.That(Run(1, At("empty")), Does.Contain("there is no configuration of Azure IoT Identity Service here"));
        Assert.That(Transcript.Run(null, ["config", "import-azure"], out var code), Does.Contain("--out DIR is missing"));
        Assert.That(code, Is.EqualTo(64));
    }

    /// <summary>Each has what a real file has. The pain: nobody could tell what of his configuration was lost on the way.</summary>
    [TestCase("import-est", """
        hostname = "device-0001"
        allow_elevated_docker_permissions = false
        [provisioning]
        source = "dps"
        global_endpoint = "https://global.azure-devices-provisioning.net"
        id_scope = "0ab1234C5D6"
        [provisioning.attestation]
        method = "x509"
        registration_id = "device-0001"
        identity_cert = { method = "est", common_name = "device-0001" }
        [cert_issuance.est]
        trusted_certs = ["file:///var/secrets/est-ca.pem"]
        [cert_issuance.est.auth]
        username = "estuser"
        password = "estpwd-91c3"
        bootstrap_identity_cert = "file:///var/secrets/bootstrap.pem"
        bootstrap_identity_pk = "pkcs11:token=edge;object=bootstrap?pin-value=4711"
        headers = { X-Tenant = "factory-7" }
        [cert_issuance.est.identity_auto_renew]
        rotate_key = true
        [cert_issuance.est.urls]
        default = "https://est.example/.well-known/est"
        [aziot_keys]
        pkcs11_lib_path = "/usr/lib/vendor.so"
        pkcs11_base_slot = "pkcs11:token=edge?pin-value=4711"
        [edge_ca]
        cert = "file:///var/secrets/edge-ca.pem"
        pk = "file:///var/secrets/edge-ca.key.pem"
        """)]
    [TestCase("import-connection-string", """
        [provisioning]
        source = "manual"
        connection_string = "HostName=hub.example;DeviceId=device-0001;SharedAccessKey=YXppb3Q="
        """)]
    [TestCase("import-symmetric-key", """
        [provisioning]
        source = "dps"
        id_scope = "0ab1234C5D6"
        attestation = { method = "symmetric_key", registration_id = "device-0001", symmetric_key = { value = "YXppb3Q=" } }
        """)]
    [TestCase("import-key-file", """
        [provisioning]
        source = "manual"
        iothub_hostname = "hub.example"
        device_id = "device-0001"
        [provisioning.authentication]
        method = "x509"
        identity_cert = "file:///var/secrets/device.pem"
        identity_pk = "file:///var/secrets/device.key.pem"
        """)]
    [TestCase("import-tpm", """
        [provisioning]
        source = "dps"
        id_scope = "0ab1234C5D6"
        attestation = { method = "tpm", registration_id = "device-0001" }
        """)]
    [TestCase("import-http", """
        [provisioning]
        source = "none"
        [cert_issuance.est]
        trusted_certs = ["file:///var/secrets/est-ca.pem"]
        [cert_issuance.est.auth]
        bootstrap_identity_cert = "file:///var/secrets/bootstrap.pem"
        bootstrap_identity_pk = "pkcs11:token=edge;object=bootstrap"
        [cert_issuance.est.urls]
        default = "http://est.example/.well-known/est"
        """)]
    [TestCase("import-not-toml", "[provisioning\n")]
    public void What_is_said_of_what_comes_over_and_what_does_not(string transcript, string super)
    {
        File.WriteAllText(At("config.toml"), super + "\n");
        Directory.CreateDirectory(At("out"));
        Transcript.CheckIn(_device.Folder, transcript, "config", "import-azure", At("config.toml"), "--out", At("out"));
        var shown = File.ReadAllText(Path.Combine(Transcript.SourceFolder(), "Transcripts", transcript + ".txt"));
        Assert.That(shown, Does.Not.Contain("estpwd-91c3").And.Not.Contain("YXppb3Q").And.Not.Contain("4711"));
    }

    [Test]
    public void What_is_there_already_and_what_is_not_there_is_said()
    {
        Import("[provisioning]\nsource = \"none\"\n", expected: 0);
        Transcript.CheckIn(_device.Folder, "import-over-another", "config", "import-azure", At("config.toml"), "--out", At("out"));
        Transcript.CheckIn(_device.Folder, "import-no-file", "config", "import-azure", At("nowhere.toml"), "--out", At("out"));
        Directory.CreateDirectory(At("empty"));
        Transcript.CheckIn(_device.Folder, "import-no-configuration", "config", "import-azure", At("empty"), "--out", At("out"));
        Transcript.CheckIn(_device.Folder, "import-no-out", "config", "import-azure", At("config.toml"));
    }

    [Test]
    public void Where_one_of_the_three_cannot_be_written_none_is()
    {
        Write("out/identityd.toml", "theirs");
        Import("[provisioning]\nsource = \"none\"\n", expected: 1);
        Assert.That(Directory.GetFiles(At("out")), Is.EqualTo(new[] { At("out/identityd.toml") }));
        Assert.That(Out("identityd.toml"), Is.EqualTo("theirs"));
    }

    private string Import(string super, int expected)
    {
        File.WriteAllText(At("config.toml"), super + "\n");
        return Run(expected, At("config.toml"));
    }

    private string Run(int expected, string path)
    {
        Directory.CreateDirectory(At("out"));
        using var screen = new StringWriter { NewLine = "\n" };
        var code = OperatorCommand.Run(["config", "import-azure", path, "--out", At("out")],
            new Output.Terminal(screen, screen, false, false), "1.2.3", TimeProvider.System);
        Assert.That(code, Is.EqualTo(expected), screen.ToString());
        return screen.ToString();
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(file))!);
        File.WriteAllText(At(file), text);
    }

    private string Out(string file) => File.ReadAllText(At("out/" + file));

    private string At(string file) => Path.Combine(_device.Folder, file);
}
