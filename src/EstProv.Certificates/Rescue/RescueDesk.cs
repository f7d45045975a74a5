using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Rescue;

/// <summary>
/// Where an operator's rescue is taken in: checks files, remembers their serials, holds the one-time credential while it is needed, and keeps the
/// anchors that came so.
/// </summary>
internal sealed partial class RescueDesk
{
    private const int LargestAnchors = 64 * 1024;

    private readonly IReadOnlyList<string>? _rescuers;
    private readonly PreloadedCertificates _preloaded;
    private readonly BelievedClock _clock;
    private readonly RescueRegister _register;
    private readonly string _anchorsFile;
    private readonly ILogger _log;

    public RescueDesk(string homedir, EstIssuance? est, PreloadedCertificates preloaded, BelievedClock clock, ILogger log)
    {
        _rescuers = est?.RescueCerts?.Value;
        _preloaded = preloaded;
        _clock = clock;
        _log = log;
        _register = new RescueRegister(homedir, clock);
        _anchorsFile = Path.Combine(homedir, "rescue-anchors.pem");
        Anchors = ReadAnchors();
    }

    /// <summary>The one-time credential in use; null for none.</summary>
    public RescueGrant? OneTime { get; private set; }

    /// <summary>PEM of the anchors that came by rescue files; empty for none.</summary>
    public string Anchors { get; private set; }

    /// <summary>Checks a rescue file and notes its serial.</summary>
    /// <param name="minting">CAs that servers or this device's certificates are under.</param>
    /// <param name="names">Common names of this device.</param>
    /// <param name="keys">SHA-256 of this device's public keys, hexadecimal in lower case.</param>
    /// <returns>What it gives, who signed it, and how often it was refused so far.</returns>
    /// <exception cref="ProblemException"><c>rescue_*</c>; what reading a file of the operator's says.</exception>
    public (RescueOrder Order, string Signer, int Refusals) Accept(byte[] file, IReadOnlyList<X509Certificate2> minting, IReadOnlyList<string> names, IReadOnlyList<string> keys)
    {
        var rescuers = Rescuers();
        if (!_clock.IsBelieved) throw RescueProblems.Clock($"{_clock.TimeProvider.GetUtcNow():yyyy-MM-dd HH:mm:ss}Z");
        var (text, signer) = RescueSignature.Verify(file, rescuers, minting, _clock);
        RescueOrder? order = null;
        try
        {
            order = RescueText.Read(text);
            Demand(order, names, keys);
            return (order, signer, _register.Open(order));
        }
        catch (ProblemException)
        {
            order?.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }

    public X509Certificate2Collection Rescuers()
    {
        if (_rescuers is not { Count: > 0 }) throw RescueProblems.NotConfigured();
        var certificates = new X509Certificate2Collection();
        foreach (var id in _rescuers)
        {
            try
            {
                certificates.AddRange(PemText.Parse(_preloaded.ReadAny(id)));
            }
            catch (CryptographicException cause)
            {
                throw _preloaded.Damaged(id, cause);
            }
        }

        return certificates;
    }

    /// <summary>A new grant takes the place of the one before, whose password goes.</summary>
    public void Hold(RescueGrant grant)
    {
        var before = OneTime;
        OneTime = grant.Way == RescueWay.OneTime ? grant : null;
        if (!ReferenceEquals(before, grant)) before?.Dispose();
    }

    /// <summary>It has done its work, or may not try on: its password is zeroed, its serial is used up.</summary>
    /// <exception cref="ProblemException">What the disk says.</exception>
    public void End(RescueGrant grant)
    {
        if (ReferenceEquals(OneTime, grant)) OneTime = null;
        grant.Dispose();
        if (grant.Serial is { } serial) _register.Close(serial);
    }

    /// <summary>The server said no to it.</summary>
    /// <returns>Whether it may be tried again.</returns>
    /// <exception cref="ProblemException">What the disk says.</exception>
    public bool MayTryAgain(RescueGrant grant)
    {
        if (grant.Serial is { } serial) _register.Refused(serial);
        return ++grant.Refusals < RescueGrant.MostRefusals;
    }

    /// <summary>Its time is over, or a password has been in memory for too long.</summary>
    public bool IsOver(RescueGrant grant) =>
        _clock.TimeProvider.GetElapsedTime(grant.Since) > RescueGrant.LongestStay || (grant.Until is { } end && _clock.IsBelieved && end <= _clock.Now);

    /// <summary>Adds anchors that EST servers are verified by, for good.</summary>
    /// <exception cref="ProblemException"><c>rescue_unreadable</c>; what the disk says.</exception>
    public void AddAnchors(RescueOrder order)
    {
        try
        {
            _ = PemText.Parse(order.Anchors);
        }
        catch (CryptographicException cause)
        {
            throw RescueProblems.Text("a certificate in it cannot be read", cause);
        }

        var all = Anchors.Contains(order.Anchors, StringComparison.Ordinal) ? Anchors : Anchors + order.Anchors;
        if (all.Length > LargestAnchors) throw RescueProblems.Text("with those of earlier rescue files it has too many certificates");
        AtomicFile.Write(_anchorsFile, Encoding.ASCII.GetBytes(all));
        Anchors = all;
        _register.Close(order.Serial);
    }

    private void Demand(RescueOrder order, IReadOnlyList<string> names, IReadOnlyList<string> keys)
    {
        if (!Meet(order.Devices, names) && !Meet(order.DeviceKeys, keys))
            throw RescueProblems.Device(order, names.Count > 0 ? $"'{string.Join("', '", names)}'" : $"the one with the key {(keys.Count > 0 ? keys[0] : "(none)")}");
        if (order.NotBefore > _clock.Now) throw RescueProblems.NotYet(order);
        if (order.NotAfter <= _clock.Now) throw RescueProblems.Expired(order);
    }

    private static bool Meet(IReadOnlyList<string> meant, IReadOnlyList<string> own)
    {
        foreach (var one in meant)
        {
            if (own.Contains(one, StringComparer.Ordinal)) return true;
        }

        return false;
    }

    private string ReadAnchors()
    {
        try
        {
            return File.Exists(_anchorsFile) ? PemText.CertificatesOf(File.ReadAllBytes(_anchorsFile)) : "";
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(_log, _anchorsFile);
            return "";
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "cannot read {Path}: EST servers are not verified by the anchors that came by rescue files")]
        public static partial void Unreadable(ILogger logger, string path);
    }
}
