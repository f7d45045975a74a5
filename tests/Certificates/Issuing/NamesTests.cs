using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Contract.Tests.Stores;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>Subjects and alternative names out of the configuration, as openssl reads them.</summary>
public sealed class NamesTests
{
    private static readonly HostNames Host = new("edge", [IPAddress.Parse("192.0.2.7"), IPAddress.Parse("2001:db8::7")]);

    [Test]
    public void A_subject_keeps_its_order_and_each_attribute_its_encoding()
    {
        SubjectField[] fields =
        [
            Field("C", "DE"), Field("O", "Bäcker, \"Söhne\""), Field("ST", "BW"), Field("serialNumber", "42"), Field("DC", "example"), Field("emailAddress", "a@example.com"),
            Field("2.5.4.97", "NTRDE-HRB 1"), Field("CN", "device-1"),
        ];
        using var folder = new TemporaryFolder();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(folder["csr.pem"], new CertificateRequest(RequestedNames.Encode(fields), key, HashAlgorithmName.SHA256).CreateSigningRequestPem());

        var text = OpenSsl.Run("req", "-in", folder["csr.pem"], "-noout", "-subject", "-nameopt", "sep_comma_plus,sname,show_type,utf8");

        Assert.That(text.Trim(), Is.EqualTo(
            "subject=C=PRINTABLESTRING:DE,O=UTF8STRING:Bäcker, \"Söhne\",ST=UTF8STRING:BW,serialNumber=PRINTABLESTRING:42,DC=IA5STRING:example,emailAddress=IA5STRING:a@example.com," +
            "organizationIdentifier=UTF8STRING:NTRDE-HRB 1,CN=UTF8STRING:device-1"));
    }

    [Test]
    public void A_subject_without_a_common_name_gets_the_devices_at_its_end_and_comes_back_from_one_line()
    {
        SubjectField[] fields = [Field("O", "Example"), Field("OU", "dn:x")];
        var name = RequestedNames.Of(fields, "device-1");
        Assert.That(RequestedNames.SubjectOf(name)!.Name, Is.EqualTo("O=Example, OU=dn:x, CN=device-1").Or.EqualTo("CN=device-1, OU=dn:x, O=Example"));
        Assert.That(RequestedNames.CommonNameIn(name), Is.EqualTo("device-1"));
        Assert.That(name, Does.Not.Contain("\n"));
        Assert.That(RequestedNames.SubjectOf("device-1"), Is.Null);
        Assert.That(RequestedNames.SubjectOf("dn:device"), Is.Null, "a common name that looks like it");
        Assert.That(RequestedNames.CommonNameIn("dn:device"), Is.EqualTo("dn:device"));
    }

    [Test]
    public void Alternative_names_are_what_openssl_shows_and_host_stands_for_name_and_addresses()
    {
        var names = new[] { "host", "DNS:edge.example.com", "DNS:EDGE", "IP:192.0.2.7", "IP:198.51.100.1", "URI:urn:edge", "email:edge@example.com" }.Select(text => AlternativeName.Parse(text)!).ToList();
        using var folder = new TemporaryFolder();
        var (pem, _) = Csr.Make("CN=a", request => request.CertificateExtensions.Add(AlternativeNames.Write(names, Host)!));
        File.WriteAllText(folder["csr.pem"], pem);

        Assert.That(OpenSsl.Run("req", "-in", folder["csr.pem"], "-noout", "-text"), Does.Contain(
            "DNS:edge, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, DNS:edge.example.com, IP Address:198.51.100.1, URI:urn:edge, email:edge@example.com"));
        Assert.That(CallerRequest.Read(pem).Names.Select(name => name!.ToString()), Is.EqualTo(new[]
        {
            "DNS:edge", "IP:192.0.2.7", "IP:2001:db8::7", "DNS:edge.example.com", "IP:198.51.100.1", "URI:urn:edge", "email:edge@example.com",
        }));
    }

    [Test]
    public void No_name_at_all_is_no_extension() => Assert.That(AlternativeNames.Write([AlternativeName.Parse("host")!], new HostNames("", [])), Is.Null);

    [Test]
    public void A_server_without_configured_names_has_its_hosts()
    {
        Assert.That(CertificateProfiles.NamesFor(CertificateProfile.Server, null)!.Format(false), Does.Contain(Environment.MachineName));
        Assert.That(CertificateProfiles.NamesFor(CertificateProfile.Client, null), Is.Null);
    }

    [Test]
    public void The_addresses_of_this_machine_are_those_that_others_reach_it_by()
    {
        var known = NetworkInterface.GetAllNetworkInterfaces()
            .Where(face => face.OperationalStatus != OperationalStatus.Down && face.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(face => face.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
            .Where(address => !address.IsIPv6LinkLocal && !(address.AddressFamily == AddressFamily.InterNetwork && address.ToString().StartsWith("169.254.", StringComparison.Ordinal)))
            .Select(address => new IPAddress(address.GetAddressBytes())).Distinct();
        Assert.That(LocalAddresses.Read(), Is.EquivalentTo(known));
    }

    private static SubjectField Field(string name, string value) => new(SubjectAttributeType.Find(name)!.Oid, value);
}
