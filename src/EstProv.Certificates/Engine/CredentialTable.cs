using System.Security.Cryptography;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// All credentials, and the certificates that have no key of ours. Everything in it is read and changed under <see cref="Gate"/>; nobody waits for the
/// network, for keyd or for the disk while holding it.
/// </summary>
internal sealed class CredentialTable
{
    private const string DefaultAlgorithms = "ec-p256:rsa-2048";

    private readonly EngineParts _parts;
    private readonly Dictionary<string, Credential> _credentials = new(StringComparer.Ordinal);
    private readonly EstAccesses _access;
    private readonly Lock _refreshing = new();

    /// <summary>Of what nobody has asked for since the start.</summary>
    private readonly Dictionary<string, StoredWait> _waits = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StoredCertificate> _others = new(StringComparer.Ordinal);

    public CredentialTable(EngineParts parts)
    {
        _parts = parts;
        var configuration = parts.Configuration;
        _access = new EstAccesses(configuration);
        foreach (var (identity, access) in _access.Identities) Add(identity, access.IdentityPk ?? identity);
        Identity = configuration.Est?.Access.IdentityCert is { } shared ? Find(shared) : null;
        if (Find(CertificateProfiles.DeviceCa) is { } known) DeviceCa = known;
        else if (configuration.Issuance.ContainsKey(CertificateProfiles.DeviceCa) || parts.Preloaded.IsFile(CertificateProfiles.DeviceCa)) DeviceCa = Add(CertificateProfiles.DeviceCa, CertificateProfiles.DeviceCa);
        Load();
    }

    /// <summary>Waiters are woken through it at every change.</summary>
    public object Gate { get; } = new();

    /// <summary>The EST identity of <c>[cert_issuance.est]</c>; null when there is none to have.</summary>
    public Credential? Identity { get; }

    /// <summary>Whether it is shown to EST servers: for all certificates that say nothing else, or for one with an authentication of its own.</summary>
    public bool IsIdentity(Credential credential) => _access.Identities.ContainsKey(credential.Id);

    /// <summary>How each EST identity is got, by its id.</summary>
    public IReadOnlyDictionary<string, EstAccess> Identities => _access.Identities;

    public Credential? FindIdentity(string id) => _access.Identities.ContainsKey(id) ? Find(id) : null;

    /// <summary>The EST identity that this certificate is enrolled with; null with HTTP Basic alone.</summary>
    public Credential? IdentityFor(string id) => AccessOf(id)?.IdentityCert is { } identity ? Find(identity) : null;

    /// <summary>Who we are to the EST server for this certificate; null where nothing says so.</summary>
    public EstAccess? AccessOf(string id) => _access.Of(id);

    public Credential? DeviceCa { get; }

    public IReadOnlyCollection<Credential> Credentials => _credentials.Values;

    public IReadOnlyCollection<StoredCertificate> Others => _others.Values;

    public Credential? Find(string id) => _credentials.GetValueOrDefault(id);

    public StoredCertificate? FindOther(string id) => _others.GetValueOrDefault(id);

    public Credential? FindLocked(string id)
    {
        lock (Gate) return Find(id);
    }

    public StoredCertificate? FindOtherLocked(string id)
    {
        lock (Gate) return FindOther(id);
    }

    public void PutOther(StoredCertificate certificate) => _others[certificate.Id] = certificate;

    public bool RemoveOther(string id) => _others.Remove(id);

    public Credential Add(string id, string keyId)
    {
        var credential = new Credential(id, keyId, IssuanceOf(id), _parts.Random) { ProvedByCaller = id == "device-id" };
        _credentials.Add(id, credential);
        if (_waits.Remove(id, out var wait)) LoadWait(credential, wait);
        return credential;
    }

    /// <summary>
    /// Looks at the operator's file under a credential's id, and at the certificate in it where the file has changed. Called outside of the gate.
    /// </summary>
    /// <returns>Whether another certificate is the current one now.</returns>
    public bool RefreshOperatorFile(Credential credential)
    {
        if (!_parts.Preloaded.IsFile(credential.Id)) return false;
        lock (_refreshing) return Refresh(credential);
    }

    private bool Refresh(Credential credential)
    {
        try
        {
            var (pem, hash) = _parts.Preloaded.ReadFile(credential.Id);
            if (credential.Operator?.OperatorFile == hash) return false;

            var leaf = PemText.Parse(pem)[0];
            var known = CertificateFacts.Describe(credential.Id, StoredKind.Operator, leaf, "", _parts.Clock.Now, _parts.Random.NextDouble()) with
            {
                KeyId = credential.KeyId,
                OperatorFile = hash,
            };
            _parts.Store.WriteOperator(known);
            lock (Gate)
            {
                var before = credential.Current;
                credential.Operator = known;
                if (ReferenceEquals(before, credential.Current)) return false;
                credential.Recovered = false;
                credential.KeyMissing = false;
                credential.Key = null;
                credential.ForgetFailures();
            }

            // Whoever looks first tells it, else nobody would.
            _parts.Events.Replaced(known);
            return true;
        }
        catch (CryptographicException)
        {
            _parts.Events.Note(credential.Id, "the operator's file holds no readable certificate; it is left aside");
        }
        catch (ProblemException problem)
        {
            _parts.Events.Note(credential.Id, problem.ToLogText());
        }

        return false;
    }

    private void Load()
    {
        foreach (var known in _parts.Store.LoadOperator())
        {
            if (!_parts.Preloaded.IsFile(known.Id) || known.KeyId is null) continue;
            (Find(known.Id) ?? Add(known.Id, known.KeyId)).Operator = known;
        }

        foreach (var stored in _parts.Store.LoadCommitted())
        {
            if (stored is not { Kind: StoredKind.Credential, KeyId: { } keyId })
            {
                _others[stored.Id] = stored;
                continue;
            }

            var credential = Find(stored.Id) ?? Add(stored.Id, keyId);
            credential.Stored = stored;
            credential.ProvedByCaller |= stored.ProvedByCaller;
            _parts.Clock.Raise(stored.NotBefore);
        }

        foreach (var previous in _parts.Store.LoadPrevious())
        {
            // Else it is in use again, and the process ended before it could say so.
            if (Find(previous.Id) is { Stored: { } inUse } credential && inUse.Spki != previous.Spki) credential.Previous = previous;
        }

        foreach (var staged in _parts.Store.LoadStaged())
        {
            if (staged.KeyId is not { } keyId) continue;
            var credential = Find(staged.Id) ?? Add(staged.Id, keyId);
            credential.Staged = staged;
            credential.Wanted = true;
            credential.WantedName ??= staged.RequestedName;
            credential.ProvedByCaller |= staged.ProvedByCaller;
        }

        foreach (var pending in _parts.Store.LoadPending()) LoadPending(pending);
        foreach (var wait in _parts.Store.LoadWaits())
        {
            if (Find(wait.Id) is { } credential) LoadWait(credential, wait);
            else _waits[wait.Id] = wait;
        }

        foreach (var credential in _credentials.Values) RefreshOperatorFile(credential);
    }

    private void LoadPending(PendingRequest pending)
    {
        var credential = Find(pending.Id) ?? Add(pending.Id, pending.KeyId);
        if (credential.Staged?.Spki == pending.Spki)
        {
            // Issued meanwhile; the process ended before it could say so.
            _parts.Store.DeletePending(pending.Id);
            return;
        }

        credential.Pending = pending;
        credential.Wanted = true;
        credential.WantedName ??= pending.RequestedName;
        Wait(credential, pending.AskedAt, pending.RetryAfter);
    }

    private void LoadWait(Credential credential, StoredWait wait)
    {
        if (credential.Pending is not null) return;
        credential.WaitStored = true;
        credential.Failures = 1;
        Wait(credential, wait.Since, wait.RetryAfter);
    }

    /// <summary>By the wall clock, but never longer than the server asked: the clock may have been anywhere.</summary>
    private void Wait(Credential credential, DateTimeOffset since, TimeSpan retryAfter)
    {
        var left = since + retryAfter - _parts.Clock.Now;
        credential.WaitsSince = _parts.Time.GetTimestamp();
        credential.WaitsFor = left < retryAfter ? left : retryAfter;
    }

    private CertificateIssuance? IssuanceOf(string id)
    {
        var configuration = _parts.Configuration;
        var issuance = configuration.Issuance.GetValueOrDefault(id);
        if (configuration.Est is not { } est || (est.IdentityCert != id && !_access.Identities.ContainsKey(id))) return issuance;
        issuance ??= new CertificateIssuance { Method = IssuanceMethod.Est, Position = est.Position, KeyAlgorithm = DefaultAlgorithms };
        return issuance with { Renewal = issuance.Renewal ?? est.Renewal };
    }
}
