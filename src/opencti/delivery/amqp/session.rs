//! One connection to the broker, with confirms on.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::protocol::BasicProperties;
use lapin::tcp::{AMQPUriTcpExt, RustlsConnector, TLSConfig};
use lapin::types::FieldTable;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind, PublisherConfirm};

use crate::base::clock::Clock;
use crate::opencti::connector::Amqp;
use crate::opencti::error::Error;

/// For the connection and its greeting.
const CONNECT: Duration = Duration::from_secs(15);
/// Seconds between signs of life; the platform's helper takes the same.
const HEARTBEAT: u16 = 10;

/// A connection and its channel.
pub(super) struct Session {
    connection: Connection,
    channel: Channel,
    /// A queue took the latest messages.
    pub(super) routed: bool,
}

impl Session {
    /// Connects, and looks whether the exchange is there.
    pub(super) async fn open(
        broker: &Amqp,
        tls: Option<&RustlsConnector>,
        name: &str,
        clock: &Clock,
    ) -> Result<Self, Error> {
        tokio::select! {
            session = Self::connect(broker, tls, name) => session,
            () = clock.sleep(CONNECT) => Err(Error::BrokerUnreachable {
                address: address(broker),
                cause: format!("no answer within {} s", CONNECT.as_secs()),
            }),
        }
    }

    async fn connect(
        broker: &Amqp,
        tls: Option<&RustlsConnector>,
        name: &str,
    ) -> Result<Self, Error> {
        let runtime = lapin::runtime::default_runtime().map_err(|e| judge(broker, &e))?;
        let tls = tls.cloned();
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connector(
            uri(broker),
            runtime,
            async move |uri, runtime| {
                // The address is always "plain" to lapin: TLS is ours, with our roots.
                let stream = uri
                    .connect_with_config_async(TLSConfig::default(), &runtime)
                    .await?;
                Ok(match &tls {
                    Some(tls) => stream.into_rustls(tls, &uri.authority.host).await?,
                    None => stream,
                })
            },
            properties,
        )
        .await
        .map_err(|error| judge(broker, &error))?;
        let channel = Self::channel(&connection, broker)
            .await
            .map_err(|error| judge(broker, &error))?;
        Ok(Self {
            connection,
            channel,
            routed: false,
        })
    }

    async fn channel(connection: &Connection, broker: &Amqp) -> lapin::Result<Channel> {
        let channel = connection.create_channel().await?;
        let look = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        // The default exchange has no name and is always there.
        if !broker.exchange.is_empty() {
            channel
                .exchange_declare(
                    broker.exchange.as_str().into(),
                    ExchangeKind::Direct,
                    look,
                    FieldTable::default(),
                )
                .await?;
        }
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(channel)
    }

    /// Hands one message over; the answer says later what became of it.
    pub(super) async fn publish(
        &self,
        broker: &Amqp,
        body: &[u8],
    ) -> lapin::Result<PublisherConfirm> {
        let options = BasicPublishOptions {
            // Comes back instead of vanishing when no queue takes it.
            mandatory: true,
            immediate: false,
        };
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_encoding("utf-8".into());
        self.channel
            .basic_publish(
                broker.exchange.as_str().into(),
                broker.routing.as_str().into(),
                options,
                body,
                properties,
            )
            .await
    }

    pub(super) fn alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Says goodbye. What fails here changes nothing: all is confirmed.
    pub(super) async fn close(self) {
        let _ = self.connection.close(200, "done".into()).await;
    }
}

fn uri(broker: &Amqp) -> AMQPUri {
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: broker.user.clone(),
                password: broker.pass.expose().to_owned(),
            },
            host: broker.host.clone(),
            port: broker.port,
        },
        vhost: broker.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(HEARTBEAT),
            ..AMQPQueryString::default()
        },
    }
}

/// `host:port`, for messages.
pub(super) fn address(broker: &Amqp) -> String {
    format!("{}:{}", broker.host, broker.port)
}

/// What an error of the broker's means.
pub(super) fn judge(broker: &Amqp, error: &lapin::Error) -> Error {
    let address = address(broker);
    let words = |error: &dyn std::error::Error| broker.pass.quoted(&chain(error));
    match error.kind() {
        ErrorKind::ProtocolError(answer) => match answer.get_id() {
            403 | 530 => Error::BrokerRefused {
                address,
                user: broker.user.clone(),
                vhost: broker.vhost.clone(),
                said: words(answer),
            },
            406 if words(answer).contains("larger than configured max size") => Error::Setting {
                setting: "VTREPORTER_MAX_BUNDLE_MB",
                what: format!(
                    "the broker at {address} does not take a message of an object that large: \
                     lower it, or raise the broker's `max_message_size` ({})",
                    words(answer)
                ),
            },
            404 => Error::BrokerNoExchange {
                address,
                vhost: broker.vhost.clone(),
                exchange: broker.exchange.clone(),
            },
            _ => Error::BrokerUnreachable {
                address,
                cause: words(answer),
            },
        },
        ErrorKind::IOError(io) if is_tls(io) => Error::BrokerTls {
            address,
            cause: words(io.as_ref()),
        },
        ErrorKind::IOError(io) => Error::BrokerUnreachable {
            address,
            cause: words(io.as_ref()),
        },
        _ => Error::BrokerUnreachable {
            address,
            cause: words(error),
        },
    }
}

/// Whether rustls refused the peer, or could not make sense of it.
fn is_tls(io: &std::io::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = io.get_ref().map(|e| e as _);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        next = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|e| e as _),
            None => error.source(),
        };
    }
    false
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        next = inner.source();
    }
    text
}
