using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Est;

namespace EstProv.Simulator.Pki;

/// <summary>Issues by profile and keeps a record of each certificate as DIR/issued/SERIAL.json, which outlives the process.</summary>
public sealed class Issuer
{
    private static readonly TimeSpan BackDating = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, IssuedRecord> _records = new(StringComparer.Ordinal);
    private readonly string _folder;

    public Issuer(string data)
    {
        _folder = Path.Combine(data, "issued");
        Directory.CreateDirectory(_folder);
    }

    public IReadOnlyList<IssuedRecord> Records
    {
        get
        {
            foreach (var file in Directory.EnumerateFiles(_folder, "*.json"))
            {
                Find(Path.GetFileNameWithoutExtension(file));
            }

            return [.. _records.Values.OrderBy(r => r.NotBefore).ThenBy(r => r.Serial, StringComparer.Ordinal)];
        }
    }

    /// <summary>The record of a serial number; also of one written by another process since.</summary>
    public IssuedRecord? Find(string serial)
    {
        if (_records.TryGetValue(serial, out var record))
        {
            return record;
        }

        record = StateFile.ReadJson<IssuedRecord>(FileOf(serial));
        return record is null ? null : _records.GetOrAdd(serial, record);
    }

    public X509Certificate2 Issue(IssueOrder order, DateTimeOffset now)
    {
        var subject = order.Subject ?? order.Request.Subject;
        var request = new CertificateRequest(subject, order.Key ?? order.Request.Key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        if (order.Profile == EstProfile.Ca)
        {
            CertificateMaker.AddAuthorityExtensions(request, pathLength: 0);
        }
        else
        {
            CertificateMaker.AddEndEntityExtensions(request, server: order.Profile == EstProfile.Server, client: order.Profile == EstProfile.Client);
        }

        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        if (order.AlternativeNames is { } names)
        {
            request.CertificateExtensions.Add(CertificateMaker.AlternativeNames(names, critical: subject.RawData.Length <= 2));
        }
        else if (order.Profile == EstProfile.Server && CertificateMaker.CommonName(subject) is { } name)
        {
            var builder = new SubjectAlternativeNameBuilder();
            builder.AddDnsName(name);
            request.CertificateExtensions.Add(builder.Build());
        }

        var from = order.NotBefore ?? now - BackDating;
        var certificate = CertificateMaker.Sign(request, order.Issuer, from, order.NotAfter ?? now + order.Validity);
        Keep(certificate, order);
        return certificate;
    }

    private void Keep(X509Certificate2 certificate, IssueOrder order)
    {
        var record = new IssuedRecord
        {
            Serial = certificate.SerialNumber,
            Subject = certificate.Subject,
            Issuer = certificate.Issuer,
            Label = order.Label,
            Profile = order.Profile.ToString(),
            EstIdentity = order.EstIdentity,
            NotBefore = new DateTimeOffset(certificate.NotBefore.ToUniversalTime()),
            NotAfter = new DateTimeOffset(certificate.NotAfter.ToUniversalTime()),
            Spki = Base64Url.EncodeToString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())),
            By = order.By,
            Operation = order.Operation,
            Fault = order.Fault,
            Pem = certificate.ExportCertificatePem() + "\n",
        };
        StateFile.WriteJson(FileOf(record.Serial), record);
        _records[record.Serial] = record;
    }

    private string FileOf(string serial) => Path.Combine(_folder, serial + ".json");
}
