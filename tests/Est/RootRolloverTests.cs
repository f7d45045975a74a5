using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform.Time;

namespace EstProv.Est.Tests;

/// <summary>A new root is taken only with a chain from an old one (RFC 7030 section 4.1.3, RFC 4210 section 4.4).</summary>
public sealed class RootRolloverTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly BelievedClock Clock = new(TimeProvider.System, Now - TimeSpan.FromDays(1));

    [TestCase("Root 1", "Root 2")]
    [TestCase("Root", "Root", TestName = "A_new_root_of_the_same_name_that_the_old_one_signed_is_taken")]
    public void A_new_root_that_the_old_one_signed_is_taken(string oldName, string newName)
    {
        var (old, fresh) = (Authority.Root(oldName), Authority.Root(newName));
        X509Certificate2Collection sent = [old.Certificate, old.Sign(fresh), fresh.Sign(old), fresh.Certificate];

        var found = Find(sent, [old.Certificate], [], out var refused);

        Assert.That(found.Select(root => (root.Root, root.By)), Is.EqualTo(new[] { (fresh.Certificate, old.Certificate) }));
        Assert.That(refused, Is.Empty);
        Assert.That(RootRollover.WithoutCrossCertificates(sent, []), Is.EqualTo(new[] { old.Certificate, fresh.Certificate }));
    }

    [Test]
    public void A_root_that_nobody_vouches_for_is_not_taken()
    {
        var (old, fresh) = (Authority.Root("Root 1"), Authority.Root("Root 2"));
        Assert.That(Find([fresh.Certificate, fresh.Sign(old)], [old.Certificate], [], out _), Is.Empty);
    }

    [Test]
    public void A_name_of_the_old_root_with_a_signature_of_another_key_is_worth_nothing()
    {
        var (old, thief, fresh) = (Authority.Root("Root 1"), Authority.Root("Root 1"), Authority.Root("Root 2"));
        Assert.That(Find([fresh.Certificate, thief.Sign(fresh)], [old.Certificate], [], out _), Is.Empty);
    }

    [Test]
    public void NewWithOld_is_about_one_key_only()
    {
        var (old, fresh, thief) = (Authority.Root("Root 1"), Authority.Root("Root 2"), Authority.Root("Root 2"));
        Assert.That(Find([thief.Certificate, old.Sign(fresh)], [old.Certificate], [], out _), Is.Empty);
    }

    [Test]
    public void A_root_whose_own_signature_is_wrong_is_not_taken()
    {
        var (old, fresh) = (Authority.Root("Root 1"), Authority.Root("Root 2"));
        var der = fresh.Certificate.RawData;
        der[^1] ^= 1;
        var broken = X509CertificateLoader.LoadCertificate(der);
        Assert.That(Find([broken, old.Sign(fresh)], [old.Certificate], [], out _), Is.Empty);
    }

    [Test]
    public void Nothing_but_a_CA_becomes_a_root()
    {
        var (old, fresh) = (Authority.Root("Root 1"), Authority.Root("Root 2", ca: false));
        Assert.That(Find([fresh.Certificate, old.Sign(fresh)], [old.Certificate], [], out _), Is.Empty);
    }

    [TestCase(-40, -10)]
    [TestCase(10, 40)]
    public void A_root_outside_of_its_time_is_not_taken(int from, int to)
    {
        var (old, fresh) = (Authority.Root("Root 1"), Authority.Root("Root 2", from, to));
        Assert.That(Find([fresh.Certificate, old.Sign(fresh)], [old.Certificate], [], out _), Is.Empty);
    }

    /// <summary>Whoever takes a device has the key of a CA certificate with a signature of such a CA, and can make the rest himself.</summary>
    [Test]
    public void A_device_CA_does_not_pass_for_a_new_root()
    {
        var (old, deviceCa) = (Authority.Root("Root 1"), Authority.Root("dev-1 device CA"));

        Assert.That(Find([deviceCa.Certificate, old.Sign(deviceCa, pathLength: 0)], [old.Certificate], [], out var refused), Is.Empty);
        Assert.That(refused, Has.Count.EqualTo(1).And.Some.Contains("path length 0"));
        Assert.That(Find([deviceCa.Certificate, old.Sign(deviceCa)], [old.Certificate], [old.Certificate], out refused), Is.Empty);
        Assert.That(refused, Has.Count.EqualTo(1).And.Some.Contains("signs device CAs"));
    }

    [Test]
    public void A_chain_of_rollovers_is_followed_in_any_order()
    {
        var (first, second, third) = (Authority.Root("Root 1"), Authority.Root("Root 2"), Authority.Root("Root 3"));

        var found = Find([third.Certificate, second.Sign(third), second.Certificate, first.Sign(second)], [first.Certificate], [], out _);

        Assert.That(found.Select(root => root.Root), Is.EqualTo(new[] { second.Certificate, third.Certificate }));
        Assert.That(found[1].By, Is.EqualTo(second.Certificate));
    }

    [Test]
    public void The_same_root_with_a_longer_life_is_taken()
    {
        var old = Authority.Root("Root 1", -100, 10);
        var renewed = old.Renew(1000);
        Assert.That(Find([renewed], [old.Certificate], [], out _).Select(root => root.Root), Is.EqualTo(new[] { renewed }));
    }

    [Test]
    public void Not_more_than_four_roots_come_at_once()
    {
        var old = Authority.Root("Root 0");
        X509Certificate2Collection sent = [];
        for (var i = 1; i < 10; i++)
        {
            var fresh = Authority.Root($"Root {i}");
            sent.Add(fresh.Certificate);
            sent.Add(old.Sign(fresh));
        }

        Assert.That(Find(sent, [old.Certificate], [], out _), Has.Count.EqualTo(4));
    }

    private static IReadOnlyList<NewRoot> Find(X509Certificate2Collection sent, X509Certificate2Collection anchors, X509Certificate2Collection deviceCaIssuers,
        out IReadOnlyList<string> refused) => RootRollover.Find(sent, anchors, deviceCaIssuers, Clock, out refused);

    /// <summary>A root CA, and what it signs for other roots.</summary>
    private sealed record Authority(X509Certificate2 Certificate, ECDsa Key)
    {
        public static Authority Root(string name, int from = -100, int to = 1000, bool ca = true)
        {
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            return new Authority(SelfSign(name, key, from, to, ca), key);
        }

        public X509Certificate2 Renew(int to) => SelfSign(Certificate.Subject[3..], Key, -1, to, ca: true);

        /// <summary>NewWithOld, or OldWithNew.</summary>
        public X509Certificate2 Sign(Authority other, int? pathLength = null)
        {
            var request = Request(other.Certificate.Subject, other.Key, ca: true, pathLength);
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
            return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(Key), Now - TimeSpan.FromDays(50), Now + TimeSpan.FromDays(500), [1, 2, 3]);
        }

        private static X509Certificate2 SelfSign(string name, ECDsa key, int from, int to, bool ca)
        {
            var request = Request($"CN={name}", key, ca, null);
            using var certificate = request.CreateSelfSigned(Now + TimeSpan.FromDays(from), Now + TimeSpan.FromDays(to));
            return X509CertificateLoader.LoadCertificate(certificate.RawData);
        }

        private static CertificateRequest Request(string subject, ECDsa key, bool ca, int? pathLength)
        {
            var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(ca, pathLength is not null, pathLength ?? 0, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            return request;
        }
    }
}
