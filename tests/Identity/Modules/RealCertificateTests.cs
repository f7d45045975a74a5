using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.LocalApi.Client;

namespace EstProv.Identity.Tests.Modules;

/// <summary>A module's certificate from the real Certificates Service, its key in the real Key Service, in a hub on real TLS.</summary>
public sealed class RealCertificateTests
{
    private const string Id = "aziot_identityd_module_firmware";

    [Test]
    public async Task A_certificate_is_issued_made_known_and_renewed_with_another_key()
    {
        using var world = new ModuleWorld(Id)
        {
            Principals = [new IdentityPrincipal { Uid = 1, Name = "firmware", IdTypes = ["module"], IsCertified = true }],
        };
        using var stopping = new CancellationTokenSource();
        using var toKeyd = new LocalClient(Path.Combine(world.Folder, "keyd.sock"), "estprov-keyd", "Key Service",
            TimeSpan.FromSeconds(10));
        var keyd = new KeydQueries(toKeyd);
        var changes = new ConcurrentQueue<string>();
        new CertificateWatch(world.RealCertd!.Http, (id, kind) => changes.Enqueue($"{kind} {id}"), stopping.Token).Start();

        try
        {
            await IssueAndRenewAsync(world, keyd, changes);
        }
        finally
        {
            // Before its client is given up.
            await stopping.CancelAsync();
        }
    }

    private static async Task IssueAndRenewAsync(ModuleWorld world, KeydQueries keyd, ConcurrentQueue<string> changes)
    {
        var certd = world.RealCertd!;
        await world.Modules.Hosts.StepAsync(default);
        using var first = certd.InUse(Id);
        var handle = keyd.FloatingHandle(Id);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Subject, Is.EqualTo("CN=dev-1/firmware"));
            Assert.That(KnownToHub(world), Is.EqualTo((Thumbprint(first), (string?)null)));
            Assert.That(keyd.FindHandle(Id, Spki(first)), Is.Not.Null);
        }

        changes.Clear();
        certd.Renew(Id);
        Assert.That(() => changes, Has.Some.EqualTo("staged " + Id).After(10_000, 10));
        Assert.That(certd.InUse(Id).RawData, Is.EqualTo(first.RawData), "until the hub knows the new one");
        world.Modules.Hosts.LookAtCertificates();
        await world.Modules.Hosts.StepAsync(default);
        using var second = certd.InUse(Id);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Spki(second), Is.Not.EqualTo(Spki(first)));
            Assert.That(KnownToHub(world), Is.EqualTo((Thumbprint(second), (string?)null)));
            Assert.That(keyd.FindHandle(Id, Spki(first)), Is.Null, "the old key is destroyed");
            Assert.That(keyd.FloatingHandle(Id), Is.EqualTo(handle), "what the module was given is good for the new key as well");
            Assert.That(() => changes, Has.Some.EqualTo("committed " + Id).After(10_000, 10));
        }

        var sent = world.Simulator.Recorder.Requests().Count;
        world.Modules.Hosts.LookAtCertificates();
        await world.Modules.Hosts.StepAsync(default);
        Assert.That(world.Simulator.Recorder.Requests(), Has.Count.EqualTo(sent), "its own confirmation is no news");
    }

    private static (string? Primary, string? Secondary) KnownToHub(ModuleWorld world)
    {
        var authentication = world.Find("firmware")!.Authentication;
        return (authentication.PrimaryThumbprint, authentication.SecondaryThumbprint);
    }

    private static string Thumbprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);

    private static byte[] Spki(X509Certificate2 certificate) => SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
