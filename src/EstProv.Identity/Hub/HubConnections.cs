using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Est.Transport;
using EstProv.Identity.Dps;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Sas;
using EstProv.Keys.Client;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Hub;

/// <summary>
/// The client for the device's hub, opened with the device's credential when it is needed, shared by all who ask, and given up when nobody
/// has asked for a while. Safe from any thread.
/// </summary>
internal sealed class HubConnections : IDisposable
{
    /// <summary>For so long a TLS session can be resumed, without a signature by the Key Service.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(5);

    private readonly ICertificateClient _certificates;
    private readonly IdentityOpener _open;
    private readonly Func<string, byte[], string?> _findKey;
    private readonly SymmetricKeyClient _keys;
    private readonly CloudTrust _trust;
    private readonly ProxyChoice? _proxies;
    private readonly BelievedClock _clock;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly Lock _gate = new();
    private Entry? _current;
    private ITimer? _timer;
    private bool _disposed;

    /// <param name="findKey">The handle of a key pair, by key id and the SHA-256 of its public key.</param>
    public HubConnections(ICertificateClient certificates, IdentityOpener open, Func<string, byte[], string?> findKey,
        SymmetricKeyClient keys, CloudTrust trust, ProxyChoice? proxies, BelievedClock clock, ILogger logger)
    {
        _certificates = certificates;
        _open = open;
        _findKey = findKey;
        _keys = keys;
        _trust = trust;
        _proxies = proxies;
        _clock = clock;
        _logger = logger;
    }

    private sealed record Entry(ProvisionedState State, HubClient Client)
    {
        public int Users { get; set; } = 1;

        public bool Retired { get; set; }
    }

    /// <summary>Asks the hub of <paramref name="state"/>.</summary>
    /// <exception cref="ProblemException"><see cref="HubCodes"/>, the Certificates Service's or the Key Service's.</exception>
    public async Task<T> UseAsync<T>(ProvisionedState state, HubDevice device, Func<HubClient, Task<T>> use, CancellationToken cancel)
    {
        var entry = await TakeAsync(state, device, cancel);
        try
        {
            return await use(entry.Client);
        }
        catch (ProblemException problem) when (HubCodes.IsCredentialRefused(problem) || HubCodes.IsOffline(problem))
        {
            // The next one begins anew, with the certificates and anchors of then.
            Retire(entry);
            throw;
        }
        finally
        {
            Release(entry);
        }
    }

    public void Dispose()
    {
        Entry? idle;
        lock (_gate)
        {
            _disposed = true;
            _timer?.Dispose();
            idle = RetireCurrent();
        }

        idle?.Client.Dispose();
        _opening.Dispose();
    }

    private async Task<Entry> TakeAsync(ProvisionedState state, HubDevice device, CancellationToken cancel)
    {
        await _opening.WaitAsync(cancel);
        try
        {
            Entry? idle;
            lock (_gate)
            {
                if (_current is { } current && ReferenceEquals(current.State, state))
                {
                    current.Users++;
                    return current;
                }

                idle = RetireCurrent();
            }

            idle?.Client.Dispose();
            var made = new Entry(state, await OpenAsync(state, device, cancel));
            lock (_gate)
            {
                if (_disposed) made.Retired = true;
                else _current = made;
            }

            return made;
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<HubClient> OpenAsync(ProvisionedState state, HubDevice device, CancellationToken cancel)
    {
        var trust = await _trust.ReadAsync("the hub", cancel);
        var owned = new Owned(trust.Anchors);
        try
        {
            var server = new TlsServer
            {
                Url = device.Root,
                Trust = trust,
                Clock = _clock,
                Timeout = HubClient.ExchangeTimeout,
                Proxies = _proxies,
                Credential = state.Auth is DeviceAuth.Sas ? state.KeyId : state.CertificateId,
                Kind = "an IoT hub",
                Codes = HubCodes.Codes,
            };
            if (state.Auth is DeviceAuth.Sas)
            {
                var token = new ResourceToken(device.Resource, state.KeyId, null, _keys, _clock);
                return new HubClient(device, server, $"key {state.KeyId}", token, owned, _logger);
            }

            var chain = await _certificates.GetAsync(state.CertificateId, cancel);
            owned.Add(chain);
            using var credential = DeviceCredential.Find(state.CertificateId, chain, spki => _findKey(state.KeyId, spki))
                ?? throw new ProblemException("key_mismatch",
                    $"the Key Service has no key '{state.KeyId}' for the certificate {state.CertificateId}",
                    "see 'estprov status'; it may be in the middle of a renewal", 503);
            var identity = credential.Open(_open, _clock);
            owned.Add(identity);
            return new HubClient(device, server with { ClientCertificate = identity.Context }, credential.Description, null, owned,
                _logger);
        }
        catch
        {
            owned.Dispose();
            throw;
        }
    }

    private void Release(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users > 0) return;
            if (!entry.Retired)
            {
                _timer?.Dispose();
                _timer = _clock.TimeProvider.CreateTimer(GiveUp, entry, Kept, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        entry.Client.Dispose();
    }

    private void Retire(Entry entry)
    {
        lock (_gate)
        {
            entry.Retired = true;
            if (ReferenceEquals(_current, entry)) _current = null;
        }
    }

    private void GiveUp(object? state)
    {
        Entry? idle;
        lock (_gate)
        {
            if (!ReferenceEquals(_current, state) || _current is not { Users: 0 }) return;
            idle = RetireCurrent();
        }

        idle?.Client.Dispose();
    }

    /// <returns>What the caller has to dispose of, outside of the lock; one that is in use is disposed of by its last user.</returns>
    private Entry? RetireCurrent()
    {
        var current = _current;
        _current = null;
        if (current is null) return null;
        current.Retired = true;
        return current.Users == 0 ? current : null;
    }

    /// <summary>What lives as long as the client that uses it.</summary>
    private sealed class Owned(X509Certificate2Collection anchors) : IDisposable
    {
        private readonly List<IDisposable> _others = [];

        public void Add(IDisposable other) => _others.Add(other);

        public void Add(X509Certificate2Collection certificates)
        {
            foreach (var certificate in certificates) _others.Add(certificate);
        }

        public void Dispose()
        {
            foreach (var anchor in anchors) anchor.Dispose();
            for (var i = _others.Count - 1; i >= 0; i--) _others[i].Dispose();
        }
    }
}
