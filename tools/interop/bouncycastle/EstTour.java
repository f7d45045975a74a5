import java.io.FileReader;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.est.CACertsResponse;
import org.bouncycastle.est.CSRRequestResponse;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.HttpAuth;
import org.bouncycastle.est.jcajce.JsseDefaultHostnameAuthorizer;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.util.Store;

/**
 * BouncyCastle's EST client at work, one operation a run: cacerts, csrattrs, enroll, reenroll.
 * Options as --name value: server (host:port), label, trust, cert, key, user, password-file, subject, out, key-out.
 */
public final class EstTour {
    private static final Map<String, String> options = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        for (int i = 1; i + 1 < arguments.length; i += 2) options.put(arguments[i].substring(2), arguments[i + 1]);
        ESTService service = service();
        switch (arguments[0]) {
            case "cacerts" -> {
                CACertsResponse answer = service.getCACerts();
                List<X509Certificate> certificates = all(answer.getCertificateStore());
                write("out", certificates);
                System.out.println(certificates.size() + " CA certificates");
            }
            case "csrattrs" -> {
                CSRRequestResponse answer = service.getCSRAttributes();
                if (!answer.hasAttributesResponse()) System.out.println("none");
                else for (ASN1ObjectIdentifier oid : answer.getAttributesResponse().getRequirements()) System.out.println(oid);
            }
            case "enroll" -> enroll(service, false);
            case "reenroll" -> enroll(service, true);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static ESTService service() throws Exception {
        KeyStore trusted = emptyStore();
        for (X509Certificate certificate : certificates(options.get("trust"))) {
            trusted.setCertificateEntry(certificate.getSubjectX500Principal().getName(), certificate);
        }

        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        TrustManager[] managers = trust.getTrustManagers();
        JsseESTServiceBuilder builder = new JsseESTServiceBuilder(options.get("server"), (javax.net.ssl.X509TrustManager) managers[0]);
        builder.withHostNameAuthorizer(new JsseDefaultHostnameAuthorizer(Set.of()));
        builder.withTimeout(10_000);
        if (options.containsKey("label")) builder.withLabel(options.get("label"));
        if (options.containsKey("cert")) {
            KeyStore own = emptyStore();
            own.setKeyEntry("own", key(options.get("key")), new char[0], certificates(options.get("cert")).toArray(X509Certificate[]::new));
            KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
            keys.init(own, new char[0]);
            builder.withKeyManagers(keys.getKeyManagers());
        }

        return builder.build();
    }

    private static void enroll(ESTService service, boolean again) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair pair = generator.generateKeyPair();
        PKCS10CertificationRequest request = new JcaPKCS10CertificationRequestBuilder(new X500Name(options.get("subject")), pair.getPublic())
            .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()));
        HttpAuth password = null;
        if (options.containsKey("user")) {
            char[] secret = Files.readString(Path.of(options.get("password-file"))).strip().toCharArray();
            password = new HttpAuth(null, options.get("user"), secret, new SecureRandom(), new JcaDigestCalculatorProviderBuilder().build());
        }

        // A 202 is polled by the caller, with the same request (RFC 7030 section 4.2.3).
        EnrollmentResponse answer = service.simpleEnroll(again, request, password);
        for (int polls = 0; answer.getStore() == null && polls < 5; polls++) {
            System.out.println("pending");
            Thread.sleep(Math.max(0, answer.getNotBefore() - System.currentTimeMillis()));
            answer = service.simpleEnroll(answer);
        }

        List<X509Certificate> issued = all(answer.getStore());
        X509Certificate leaf = issued.get(0);
        if (!leaf.getPublicKey().equals(pair.getPublic())) throw new IllegalStateException("not our key");
        X509Certificate root = verify(issued, leaf, all(service.getCACerts().getCertificateStore()));
        write("out", issued);
        try (JcaPEMWriter writer = new JcaPEMWriter(Files.newBufferedWriter(Path.of(options.get("key-out"))))) {
            writer.writeObject(new JcaPKCS8Generator(pair.getPrivate(), null));
        }

        System.out.println("issued " + leaf.getSubjectX500Principal() + " under " + root.getSubjectX500Principal());
    }

    /** The path from the leaf to the root of cacerts. */
    private static X509Certificate verify(List<X509Certificate> issued, X509Certificate leaf, List<X509Certificate> authorities) throws Exception {
        X509Certificate root = authorities.stream().filter(a -> a.getSubjectX500Principal().equals(a.getIssuerX500Principal())).findFirst().orElseThrow();
        List<X509Certificate> known = new ArrayList<>(issued);
        known.addAll(authorities);
        X509CertSelector target = new X509CertSelector();
        target.setCertificate(leaf);
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(known)));
        parameters.setRevocationEnabled(false);
        CertPathBuilder.getInstance("PKIX").build(parameters);
        return root;
    }

    private static List<X509Certificate> all(Store<X509CertificateHolder> store) throws Exception {
        List<X509Certificate> result = new ArrayList<>();
        for (X509CertificateHolder holder : store.getMatches(null)) result.add(new JcaX509CertificateConverter().getCertificate(holder));
        return result;
    }

    private static List<X509Certificate> certificates(String file) throws Exception {
        List<X509Certificate> result = new ArrayList<>();
        try (Reader reader = new FileReader(file); PEMParser parser = new PEMParser(reader)) {
            for (Object next; (next = parser.readObject()) != null; ) {
                if (next instanceof X509CertificateHolder holder) result.add(new JcaX509CertificateConverter().getCertificate(holder));
            }
        }

        return result;
    }

    private static PrivateKey key(String file) throws Exception {
        try (Reader reader = new FileReader(file); PEMParser parser = new PEMParser(reader)) {
            Object read = parser.readObject();
            return new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) read);
        }
    }

    private static KeyStore emptyStore() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private static void write(String option, List<X509Certificate> certificates) throws Exception {
        try (JcaPEMWriter writer = new JcaPEMWriter(Files.newBufferedWriter(Path.of(options.get(option))))) {
            for (X509Certificate certificate : certificates) writer.writeObject(certificate);
        }
    }
}
