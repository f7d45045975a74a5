using System.Collections.Concurrent;
using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Tls;

/// <summary>
/// Judges a client certificate within OpenSSL's handshake, so that a refusal is a real TLS alert, as other servers send it. SslStream asks its
/// callback after the handshake and then closes without a word. This reaches the connection's SSL object by SslStream's private field.
/// </summary>
internal static unsafe partial class NativeVerdict
{
    /// <summary>X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, which OpenSSL tells the client as unknown_ca.</summary>
    private const int UnknownIssuer = 20;
    private const int VerifyPeer = 1;
    private static readonly ConcurrentDictionary<nint, Func<ClientIdentity, bool>> Judges = new();

    /// <summary>To be called after the server's first bytes, when the SSL object exists, and before the client's certificate.</summary>
    public static void Install(SslStream stream, Func<ClientIdentity, bool> judge)
    {
        var field = typeof(SslStream).GetField("_securityContext", BindingFlags.Instance | BindingFlags.NonPublic);
        var handle = field?.GetValue(stream) as SafeHandle ?? throw new NotSupportedException("this runtime's SslStream is built in another way");
        var ssl = handle.DangerousGetHandle();
        Judges[ssl] = judge;
        SSL_set_verify(ssl, VerifyPeer, (nint)(delegate* unmanaged[Cdecl]<int, nint, int>)&Verify);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int Verify(int preverified, nint store)
    {
        var ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

        // Called for each certificate and each complaint; the first call decides for all.
        if (!Judges.TryRemove(ssl, out var judge))
        {
            return 1;
        }

        try
        {
            var sent = new X509Certificate2Collection();
            var leaf = Certificate(X509_STORE_CTX_get0_cert(store));
            var untrusted = X509_STORE_CTX_get0_untrusted(store);
            for (var i = 0; i < OPENSSL_sk_num(untrusted); i++)
            {
                var other = Certificate(OPENSSL_sk_value(untrusted, i));
                if (!other.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span))
                {
                    sent.Add(other);
                }
            }

            if (judge(new ClientIdentity(leaf, sent)))
            {
                return 1;
            }
        }
        catch (Exception e) when (e is System.Security.Cryptography.CryptographicException or ArgumentException)
        {
            // No certificate that this process can read: refused. An exception must not leave this method.
        }

        X509_STORE_CTX_set_error(store, UnknownIssuer);
        return 0;
    }

    private static X509Certificate2 Certificate(nint x509)
    {
        byte* der = null;
        var length = i2d_X509(x509, &der);
        try
        {
            return X509CertificateLoader.LoadCertificate(new ReadOnlySpan<byte>(der, Math.Max(length, 0)));
        }
        finally
        {
            CRYPTO_free(der, null, 0);
        }
    }

    [LibraryImport("libssl.so.3")]
    private static partial void SSL_set_verify(nint ssl, int mode, nint callback);

    [LibraryImport("libssl.so.3")]
    private static partial int SSL_get_ex_data_X509_STORE_CTX_idx();

    [LibraryImport("libcrypto.so.3")]
    private static partial nint X509_STORE_CTX_get_ex_data(nint store, int index);

    [LibraryImport("libcrypto.so.3")]
    private static partial nint X509_STORE_CTX_get0_cert(nint store);

    [LibraryImport("libcrypto.so.3")]
    private static partial nint X509_STORE_CTX_get0_untrusted(nint store);

    [LibraryImport("libcrypto.so.3")]
    private static partial void X509_STORE_CTX_set_error(nint store, int error);

    [LibraryImport("libcrypto.so.3")]
    private static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport("libcrypto.so.3")]
    private static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport("libcrypto.so.3")]
    private static partial int i2d_X509(nint x509, byte** der);

    [LibraryImport("libcrypto.so.3")]
    private static partial void CRYPTO_free(void* memory, byte* file, int line);
}
