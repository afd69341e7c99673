// Asks an OCSP responder about certificates as Java's own path validation does, each without and with a nonce:
// java Check.java CA.pem URL CERT.pem... Prints good, or revoked and the reason, or why it does not know.
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.OutputStream;
import java.net.URI;
import java.security.SecureRandom;
import java.security.cert.*;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

public class Check {
    public static void main(String[] args) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        TrustAnchor ca = new TrustAnchor(read(factory, args[0]), null);
        for (String file : Arrays.copyOfRange(args, 2, args.length)) {
            CertPath path = factory.generateCertPath(List.of(read(factory, file)));
            System.out.println(ask(ca, path, args[1], List.of()) + ", with a nonce " + ask(ca, path, args[1], List.of(new Nonce())));
        }
    }

    static String ask(TrustAnchor ca, CertPath path, String url, List<Extension> extensions) throws Exception {
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        checker.setOcspResponder(URI.create(url));
        checker.setOcspExtensions(extensions);
        checker.setOptions(Set.of(PKIXRevocationChecker.Option.ONLY_END_ENTITY, PKIXRevocationChecker.Option.NO_FALLBACK));
        PKIXParameters parameters = new PKIXParameters(Set.of(ca));
        parameters.addCertPathChecker(checker);
        try {
            validator.validate(path, parameters);
            return "good";
        } catch (CertPathValidatorException e) {
            if (e.getCause() instanceof CertificateRevokedException revoked) {
                return "revoked " + revoked.getRevocationReason();
            }
            return "unknown " + e;
        }
    }

    static X509Certificate read(CertificateFactory factory, String file) throws Exception {
        try (FileInputStream in = new FileInputStream(file)) {
            return (X509Certificate) factory.generateCertificate(in);
        }
    }

    // A nonce of 32 octets (RFC 9654). Java compares it with that of the answer.
    static class Nonce implements Extension {
        final byte[] value = new byte[34];

        Nonce() {
            new SecureRandom().nextBytes(value);
            value[0] = 4; // OCTET STRING
            value[1] = 32;
        }

        public String getId() { return "1.3.6.1.5.5.7.48.1.2"; }
        public boolean isCritical() { return false; }
        public byte[] getValue() { return value.clone(); }

        public void encode(OutputStream out) throws java.io.IOException {
            ByteArrayOutputStream b = new ByteArrayOutputStream();
            b.write(new byte[] {6, 9, 43, 6, 1, 5, 5, 7, 48, 1, 2});
            b.write(new byte[] {4, 34});
            b.write(value);
            out.write(48);
            out.write(b.size());
            out.write(b.toByteArray());
        }
    }
}
