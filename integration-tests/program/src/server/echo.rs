//! What sends back what it gets: WebSocket messages after an upgrade, and bytes on a port of their own.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::websocket::{Frame, Opcode};

/// Read at a time.
const BUFFER_BYTES: usize = 16 * 1024;

/// Sends each message back, and answers pings, until one side ends the conversation.
pub(super) fn websocket(mut reader: BufReader<&TcpStream>) -> io::Result<()> {
    let mut stream = *reader.get_ref();
    let mut buffer = Vec::new();
    let mut chunk = [0; BUFFER_BYTES];
    loop {
        let no_frame = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        while let Some(frame) = Frame::decode(&mut buffer).map_err(no_frame)? {
            let answer = match frame.opcode {
                Opcode::Text | Opcode::Binary | Opcode::Close => frame,
                Opcode::Ping => Frame::new(Opcode::Pong, frame.payload),
                Opcode::Pong => continue,
            };
            stream.write_all(&answer.encode(None))?;
            if answer.opcode == Opcode::Close {
                return Ok(());
            }
        }
        match reader.read(&mut chunk)? {
            // The client has gone, or this program ends: 1001 is "going away".
            0 => return stream.write_all(&Frame::new(Opcode::Close, 1001_u16.to_be_bytes()).encode(None)),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Listens on a port of all addresses, and sends back every byte until the program ends.
pub(super) fn listen(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    thread::Builder::new().name("echo".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that went away ends its own connection only.
            let _ = thread::Builder::new().spawn(move || echo(&stream));
        }
    })?;
    Ok(())
}

fn echo(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut from, mut to) = (stream, stream);
    let mut chunk = [0; BUFFER_BYTES];
    loop {
        match from.read(&mut chunk)? {
            0 => return Ok(()),
            count => to.write_all(&chunk[..count])?,
        }
    }
}
